#include "coordinator/jobs/place_queue.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace graphite {
namespace {

std::vector<std::uint64_t> taken(place_queue& from) {
  std::vector<std::uint64_t> out;
  while (const auto job = from.take()) out.push_back(job->value);
  return out;
}

TEST(place_queue, goes_by_priority_and_then_in_the_order_of_acceptance) {
  place_queue q;
  q.put(job_id{1}, "a", job_priority::low);
  q.put(job_id{2}, "a", job_priority::background);
  q.put(job_id{4}, "a", job_priority::normal);
  q.put(job_id{3}, "a", job_priority::normal);
  q.put(job_id{5}, "a", job_priority::high);
  EXPECT_EQ(q.size(), 5U);
  EXPECT_EQ(taken(q), (std::vector<std::uint64_t>{5, 3, 4, 1, 2}));
  EXPECT_EQ(q.size(), 0U);
}

TEST(place_queue, a_tenant_with_many_jobs_keeps_no_other_waiting) {
  place_queue q;
  for (std::uint64_t i = 1; i <= 100; ++i) q.put(job_id{i}, "many", job_priority::normal);
  EXPECT_EQ(q.take()->value, 1U);
  EXPECT_EQ(q.take()->value, 2U);
  q.put(job_id{101}, "few", job_priority::normal);
  q.put(job_id{102}, "few", job_priority::normal);
  EXPECT_EQ(q.take()->value, 101U) << "it has no place yet";
  EXPECT_EQ(q.take()->value, 102U) << "one place against two";
  EXPECT_EQ(q.take()->value, 3U);
  q.leave("few");
  q.put(job_id{103}, "few", job_priority::normal);
  EXPECT_EQ(q.take()->value, 103U);
}

TEST(place_queue, no_priority_waits_for_ever) {
  place_queue q;
  q.put(job_id{1}, "a", job_priority::background);
  std::uint64_t next = 2;
  int starts = 0;
  for (;; ++starts) {
    q.put(job_id{next++}, "a", job_priority::high);
    if (q.take()->value == 1) break;
    ASSERT_LE(starts, 100);
  }
  EXPECT_EQ(starts, static_cast<int>(place_queue::passed_over_max));
}

TEST(place_queue, what_is_dropped_is_not_taken) {
  place_queue q;
  q.put(job_id{1}, "a", job_priority::normal);
  q.put(job_id{2}, "a", job_priority::normal);
  EXPECT_TRUE(q.drop(job_id{1}));
  EXPECT_FALSE(q.drop(job_id{1}));
  EXPECT_EQ(taken(q), (std::vector<std::uint64_t>{2}));
}

}  // namespace
}  // namespace graphite
