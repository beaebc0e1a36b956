#include "coordinator/cluster/retry_policy.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

using what = retry_verdict::what;

TEST(retry_policy, three_nodes_that_died_of_it_make_it_poison) {
  const retry_policy policy({});
  retry_history history;
  EXPECT_EQ(policy.judge(history, retry_cause::node_lost, 1, true).next, what::again);
  EXPECT_FALSE(policy.suspect(history));
  EXPECT_EQ(policy.judge(history, retry_cause::node_lost, 1, true).next, what::again) << "the same one";
  EXPECT_EQ(policy.judge(history, retry_cause::node_lost, 2, true).next, what::again);
  EXPECT_TRUE(policy.suspect(history));
  EXPECT_EQ(policy.judge(history, retry_cause::node_lost, 3, false).next, what::again)
      << "it only waited there";
  EXPECT_EQ(policy.judge(history, retry_cause::node_lost, 3, true).next, what::poison);
}

TEST(retry_policy, a_node_that_comes_back_was_not_killed) {
  const retry_policy policy({});
  retry_history history;
  for (const node_index node : {1u, 2u}) policy.judge(history, retry_cause::node_lost, node, true);
  retry_policy::pardon(history, 1);
  retry_policy::pardon(history, 7);
  EXPECT_FALSE(policy.suspect(history));
  EXPECT_EQ(policy.judge(history, retry_cause::node_lost, 3, true).next, what::again);
  EXPECT_EQ(policy.judge(history, retry_cause::node_lost, 1, true).next, what::poison);
}

TEST(retry_policy, each_cause_has_its_own_budget) {
  retry_options options;
  options.budget = {2, 3, 1, 1, 0};
  const retry_policy policy(options);
  retry_history history;
  const auto times = [&](retry_cause cause) {
    for (int i = 0; i < 1'000; ++i)
      if (policy.judge(history, cause, 1, true).next == what::exhausted) return i;
    return 1'000;
  };
  EXPECT_EQ(times(retry_cause::refused), 3);
  EXPECT_EQ(times(retry_cause::stale_input), 1);
  EXPECT_EQ(times(retry_cause::node_lost), 2) << "always the same node: no poison, but an end";
  EXPECT_EQ(times(retry_cause::handed_back), 1'000) << "costs nothing";
}

TEST(retry_policy, waits_longer_each_time_but_not_for_a_lost_node) {
  retry_options options;
  options.budget[static_cast<std::size_t>(retry_cause::refused)] = 100;
  const retry_policy policy(options);
  retry_history history;
  EXPECT_EQ(policy.judge(history, retry_cause::refused, 1, true).delay, duration{})
      << "another node is asked";
  EXPECT_EQ(policy.judge(history, retry_cause::refused, 1, true).delay, milliseconds(250));
  EXPECT_EQ(policy.judge(history, retry_cause::refused, 1, true).delay, milliseconds(500));
  duration last{};
  for (int i = 0; i < 10; ++i) last = policy.judge(history, retry_cause::refused, 1, true).delay;
  EXPECT_EQ(last, seconds(30));
  EXPECT_EQ(policy.judge(history, retry_cause::stale_input, 1, true).delay, milliseconds(250));
  EXPECT_EQ(policy.judge(history, retry_cause::node_lost, 1, true).delay, duration{});
}

}  // namespace
}  // namespace graphite
