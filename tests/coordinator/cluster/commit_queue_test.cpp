#include "coordinator/cluster/commit_queue.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

commit_batch::entry result_of(std::uint64_t task) {
  auto made = std::make_shared<finished_attempt>();
  made->end.attempt.task.value = task;
  return {std::move(made)};
}

std::vector<std::uint64_t> tasks_of(const std::shared_ptr<const commit_batch>& batch) {
  std::vector<std::uint64_t> out;
  for (const auto& one : batch->results) out.push_back(one.what->end.attempt.task.value);
  return out;
}

using numbers = std::vector<std::uint64_t>;
const error full{errc::out_of_space, "the disk is full"};
constexpr time_point start{};

TEST(commit_queue, says_all_that_is_there_in_batches) {
  commit_queue queue({.results_max = 2, .batches_max = 2});
  for (std::uint64_t task = 1; task <= 5; ++task) queue.add(result_of(task), 10);
  const auto first = queue.due(start);
  ASSERT_EQ(first.size(), 2u) << "no more at once";
  EXPECT_EQ(tasks_of(first[1]), (numbers{3, 4}));
  EXPECT_TRUE(queue.due(start).empty());
  EXPECT_EQ(queue.size(), 5u);
  EXPECT_EQ(tasks_of(queue.succeeded(first[0]->number)), (numbers{1, 2}));
  EXPECT_EQ(tasks_of(queue.due(start).at(0)), (numbers{5}));
  EXPECT_EQ(queue.bytes(), 30u);
}

TEST(commit_queue, what_failed_is_said_again_after_a_while_and_before_all_others) {
  commit_queue queue({.results_max = 1, .batches_max = 2});
  for (std::uint64_t task = 1; task <= 4; ++task) queue.add(result_of(task), 10);
  const auto first = queue.due(start);
  queue.failed(first[0]->number, full, start);
  EXPECT_EQ(queue.trouble(), "the disk is full");
  EXPECT_TRUE(queue.due(start + seconds(1)).empty()) << "the other one is on its way";
  queue.failed(first[1]->number, full, start);
  ASSERT_TRUE(queue.next());
  EXPECT_EQ(*queue.next(), start + milliseconds(100)) << "they failed together";
  EXPECT_TRUE(queue.due(start + milliseconds(99)).empty());
  const auto again = queue.due(start + milliseconds(100));
  ASSERT_EQ(again.size(), 1u) << "one is enough to try";
  EXPECT_EQ(again[0]->number, first[0]->number);
  queue.failed(again[0]->number, full, start + milliseconds(100));
  EXPECT_EQ(*queue.next(), start + milliseconds(300)) << "twice as long";
  ASSERT_EQ(queue.due(start + milliseconds(300)).size(), 1u);
  ASSERT_TRUE(queue.succeeded(first[0]->number));
  EXPECT_EQ(queue.trouble(), "");
  const auto rest = queue.due(start + milliseconds(300));
  ASSERT_EQ(rest.size(), 2u);
  EXPECT_EQ(rest[0]->number, first[1]->number);
  EXPECT_EQ(tasks_of(rest[1]), (numbers{3}));
}

TEST(commit_queue, an_answer_that_nobody_asked_for_is_none) {
  commit_queue queue({});
  queue.add(result_of(1), 10);
  const auto number = queue.due(start).at(0)->number;
  EXPECT_FALSE(queue.succeeded(number + 1));
  queue.failed(number, full, start);
  EXPECT_FALSE(queue.succeeded(number)) << "it failed";
  EXPECT_EQ(queue.size(), 1u);
  queue.failed(number, full, start + seconds(1));
  EXPECT_EQ(*queue.next(), start + milliseconds(100));
}

}  // namespace
}  // namespace graphite
