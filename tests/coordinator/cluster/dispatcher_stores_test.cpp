#include <gtest/gtest.h>

#include "coordinator/cluster/cluster_rows.hpp"
#include "tests/coordinator/cluster/dispatch_bench.hpp"

namespace graphite {
namespace {

using test::dispatch_bench;
using test::numbered;
using test::recipe_of;

struct store_bench : dispatch_bench {
  store_bench() { with_job(); }
};

TEST(dispatcher_stores, what_was_learned_of_rules_outlives_the_process) {
  store_bench b;
  const auto link = b.join("a", 8);
  for (std::uint64_t number = 1; number <= 8; ++number) b.submit(number);
  b.step();
  std::vector<control::attempt_end> ends;
  for (const auto& one : b.assigned(link)) {
    ends.push_back(b.end_of(one));
    ends.back().memory_peak_bytes = 300 * MiB;
  }
  b.say(link, 1, ends);
  b.step();
  EXPECT_TRUE(b.learned.empty()) << "together with what comes soon";
  ASSERT_TRUE(b.wake);
  b.step_at(seconds(10));
  const auto rows = b.learned;
  ASSERT_EQ(rows.size(), 1u);
  b.step_at(seconds(30));
  EXPECT_TRUE(b.learned.empty()) << "nothing has changed";
  dispatch_bench later;
  later.d.restore(*decode_rule(encode_rule(rows[0])));
  const auto learned = later.d.learned_of(recipe_of("compile").rule_number);
  ASSERT_TRUE(learned.memory_bytes);
  EXPECT_GE(*learned.memory_bytes, 300 * MiB);
  EXPECT_EQ(learned.cpu_milli, 1'000u);
}

TEST(dispatcher_stores, a_store_asks_what_is_needed_and_is_answered_while_it_is_here) {
  store_bench b;
  const auto link = b.join("a");
  b.step();
  const control::need_question question{7, {numbered(1), numbered(2)}};
  b.d.received(link, question, b.now);
  b.step();
  ASSERT_EQ(b.asked.size(), 1u);
  EXPECT_EQ(b.asked[0].node, "a");
  EXPECT_EQ(*b.asked[0].what, question);
  const control::need_answer answer{7, {true, false}, seconds(3)};
  b.d.answer(b.asked[0].link, answer);
  b.step();
  EXPECT_EQ(b.said<control::need_answer>(link), std::vector{answer});
  b.d.disconnected(link, b.now);
  b.d.answer(link, answer);
  b.step();
  EXPECT_TRUE(b.said<control::need_answer>(link).empty());
}

TEST(dispatcher_stores, what_a_store_says_of_itself_is_passed_on) {
  store_bench b;
  const auto link = b.join("a");
  control::store_state state;
  state.contents = 12;
  state.to_check = 3;
  b.d.received(link, state, b.now);
  b.step();
  ASSERT_EQ(b.told.size(), 1u);
  EXPECT_EQ(b.told[0].node, "a");
  EXPECT_EQ(b.told[0].what, state);
}

TEST(dispatcher_stores, each_node_hears_which_keys_are_revoked_at_once_and_when_it_joins) {
  store_bench b;
  const auto first = b.join("a");
  b.step();
  EXPECT_TRUE(b.said<control::revocations>(first).empty()) << "nothing is";
  const control::revocations list{byte_vector(100)}, longer{byte_vector(101)};
  b.d.set_revocations(list);
  b.d.set_revocations(list);
  b.step();
  EXPECT_EQ(b.said<control::revocations>(first), std::vector{list}) << "the same list is said once";
  const auto second = b.join("b");
  b.step();
  EXPECT_EQ(b.said<control::revocations>(second), std::vector{list});
  ASSERT_TRUE(std::holds_alternative<control::welcome>(b.sent.at(0).what)) << "and before it the welcome";
  b.d.set_revocations(longer);
  b.step();
  EXPECT_EQ(b.said<control::revocations>(first), std::vector{longer});
  EXPECT_EQ(b.said<control::revocations>(second), std::vector{longer});
}

}  // namespace
}  // namespace graphite
