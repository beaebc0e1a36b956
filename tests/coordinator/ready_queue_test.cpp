#include "coordinator/ready_queue.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

using actions = std::vector<action_index>;

TEST(ready_queue, gives_interactive_ones_then_long_chains_then_by_name) {
  ready_queue queue;
  queue.put(1, {false, 5, "b"});
  queue.put(2, {false, 5, "a"});
  queue.put(3, {false, 9, "z"});
  queue.put(4, {true, 1, "z"});
  EXPECT_EQ(queue.in_order(), (actions{4, 3, 2, 1}));
  EXPECT_EQ(queue.take(), 4u);
  EXPECT_EQ(queue.take(), 3u);
  EXPECT_EQ(queue.size(), 2u);
}

TEST(ready_queue, forgets_what_is_dropped) {
  ready_queue queue;
  queue.put(1, {false, 5, "a"});
  EXPECT_TRUE(queue.drop(1));
  EXPECT_FALSE(queue.drop(1));
  EXPECT_TRUE(queue.empty());
  queue.put(1, {true, 7, "a"});
  EXPECT_EQ(queue.take(), 1u);
  EXPECT_FALSE(queue.drop(1)) << "it was taken";
}

time_point at(int ms) { return time_point{} + milliseconds(ms); }

TEST(backoff_table, waits_twice_as_long_each_time_up_to_a_bound) {
  backoff_table table(milliseconds(100), milliseconds(300));
  table.refused(1, at(0));
  EXPECT_EQ(table.next(), at(100));
  EXPECT_TRUE(table.take_due(at(99)).empty());
  EXPECT_EQ(table.take_due(at(100)), (actions{1}));
  EXPECT_TRUE(table.empty());
  table.refused(1, at(100));
  EXPECT_EQ(table.next(), at(300));
  EXPECT_EQ(table.take_due(at(300)), (actions{1}));
  table.refused(1, at(300));
  EXPECT_EQ(table.next(), at(600));
}

TEST(backoff_table, begins_anew_after_a_success_and_for_a_forgotten_action) {
  backoff_table table(milliseconds(100), milliseconds(1'000));
  for (const action_index a : {1u, 2u, 3u}) {
    table.refused(a, at(0));
    table.refused(a, at(0));
  }
  table.drop(1);
  table.refused(1, at(0));
  EXPECT_EQ(table.take_due(at(399)), (actions{2, 3})) << "what it waited stays known when it is dropped";
  table.succeeded(2);
  table.forget(3);
  for (const action_index a : {2u, 3u}) table.refused(a, at(0));
  EXPECT_EQ(table.take_due(at(100)), (actions{2, 3}));
}

TEST(backoff_table, names_the_nearest_end) {
  backoff_table table(milliseconds(100), milliseconds(1'000));
  EXPECT_EQ(table.next(), std::nullopt);
  table.refused(1, at(50));
  table.refused(2, at(0));
  EXPECT_EQ(table.next(), at(100));
  EXPECT_EQ(table.take_due(at(200)), (actions{1, 2}));
}

}  // namespace
}  // namespace graphite
