#include "sim/history.hpp"

#include <gtest/gtest.h>

namespace graphite::sim {
namespace {

using kind = event::kind;

digest some(std::uint8_t byte) {
  digest out;
  out.bytes.fill(byte);
  return out;
}

/// A history, written down by hand, of two nodes of two CPUs and one job of one action.
class told_history {
 public:
  told_history() {
    of.jobs[1] = some(9);
    of.keys_of_jobs[1] = {some(1)};
    of.results[some(1)] = some(2);
    of.cpu_milli = {2'000, 2'000};
    of.lease = seconds(3);
    of.grace = seconds(2);
    say({.what = kind::coordinator_began, .number = 5});
    for (std::size_t node = 0; node < 2; ++node) {
      say({.what = kind::node_came, .node = node});
      say({.what = kind::welcomed, .node = node, .number = 5});
    }
    say({.what = kind::job_acknowledged, .number = 1});
  }
  void say(event what) {
    what.at = now;
    history.push_back(std::move(what));
  }
  void begin(std::size_t node, std::uint32_t attempt, std::uint64_t cpu = 1'000) {
    say({.what = kind::began, .node = node, .number = cpu, .key = some(1), .attempt = name(attempt)});
  }
  void end(std::size_t node, std::uint32_t attempt) {
    say({.what = kind::ended, .node = node, .key = some(1), .attempt = name(attempt)});
  }
  void commit(std::uint32_t attempt = 1, std::uint8_t value = 2) {
    say({.what = kind::committed, .key = some(1), .value = some(value), .attempt = name(attempt)});
  }
  void end_job(std::uint8_t value = 9) { say({.what = kind::job_ended, .number = 1, .value = some(value)}); }
  static attempt_key name(std::uint32_t attempt) { return {{5}, {1}, {attempt}}; }
  /// What is wrong with it, in one line; "" where nothing is.
  std::string wrong() const {
    std::string out;
    for (const auto& one : check(history, of)) out += one + "; ";
    return out;
  }

  expectations of;
  std::vector<event> history;
  time_point now = time_from_ns(1'000'000'000'000);
};

testing::AssertionResult finds(const told_history& in, const std::string& what) {
  const auto wrong = in.wrong();
  if (wrong.find(what) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "found: " << wrong;
}

TEST(sim_history, one_that_keeps_all_promises_is_right) {
  told_history h;
  h.begin(0, 1);
  h.end(0, 1);
  h.commit();
  h.say({.what = kind::told, .key = some(1), .value = some(2)});
  h.say({.what = kind::forgot, .node = 0, .key = some(1), .value = some(2)});
  h.end_job();
  EXPECT_EQ(h.wrong(), "");
}

TEST(sim_history, a_job_that_was_acknowledged_ends_as_it_has_to) {
  told_history lost, wrong, cancelled;
  EXPECT_TRUE(finds(lost, "never ended"));
  wrong.commit();
  wrong.end_job(8);
  EXPECT_TRUE(finds(wrong, "made something else"));
  cancelled.say({.what = kind::job_cancelled, .number = 1});
  EXPECT_EQ(cancelled.wrong(), "");
}

TEST(sim_history, a_result_is_committed_once_and_is_the_right_one) {
  told_history twice, other;
  twice.commit(1);
  twice.commit(2);
  twice.end_job();
  EXPECT_TRUE(finds(twice, "committed twice"));
  other.commit(1, 3);
  EXPECT_TRUE(finds(other, "wrong result"));
}

TEST(sim_history, nothing_is_told_or_given_up_before_it_is_safe) {
  told_history told, forgot;
  told.say({.what = kind::told, .key = some(1), .value = some(2)});
  EXPECT_TRUE(finds(told, "told before it was safe"));
  forgot.say({.what = kind::forgot, .node = 0, .key = some(1), .value = some(2)});
  EXPECT_TRUE(finds(forgot, "given up"));
}

TEST(sim_history, an_action_runs_once_where_its_node_is_well) {
  told_history twice, moved;
  twice.begin(0, 1);
  twice.begin(1, 2);
  EXPECT_TRUE(finds(twice, "runs twice"));
  moved.begin(0, 1);
  moved.say({.what = kind::node_lost, .node = 0});
  moved.begin(1, 2);
  moved.end(0, 1);
  moved.end(1, 2);
  moved.commit(2);
  moved.end_job();
  EXPECT_EQ(moved.wrong(), "");
}

TEST(sim_history, what_survived_the_coordinator_is_not_begun_again) {
  told_history h;
  h.begin(0, 1);
  h.now += seconds(5);
  h.say({.what = kind::coordinator_died});
  h.say({.what = kind::link_ended, .node = 0});
  h.say({.what = kind::coordinator_began, .number = 6});
  h.say({.what = kind::node_came, .node = 1});
  h.now += seconds(1);
  h.begin(1, 2);
  EXPECT_TRUE(finds(h, "again after a restart"));
}

TEST(sim_history, no_node_runs_more_than_it_has) {
  told_history h;
  h.begin(0, 1, 3'000);
  EXPECT_TRUE(finds(h, "more than it has"));
}

TEST(sim_history, reigns_only_rise) {
  told_history coordinator, node;
  coordinator.say({.what = kind::coordinator_died});
  coordinator.say({.what = kind::coordinator_began, .number = 5});
  EXPECT_TRUE(finds(coordinator, "reign"));
  node.say({.what = kind::welcomed, .node = 0, .number = 4});
  EXPECT_TRUE(finds(node, "older reign"));
}

TEST(sim_history, a_silent_node_is_lost_in_time) {
  told_history h, told;
  for (auto* one : {&h, &told}) {
    one->now += seconds(1);
    one->say({.what = kind::cut_off, .node = 1});
    one->now += seconds(4);
    if (one == &told) one->say({.what = kind::node_lost, .node = 1});
    one->now += seconds(1);
    one->commit();
    one->end_job();
  }
  EXPECT_TRUE(finds(h, "silent and not lost"));
  EXPECT_EQ(told.wrong(), "");
}

TEST(sim_history, what_can_never_be_is_told) {
  told_history h;
  h.say({.what = kind::trouble, .text = "a message is too large"});
  EXPECT_TRUE(finds(h, "a message is too large"));
}

}  // namespace
}  // namespace graphite::sim
