#include "coordinator/jobs/event_log.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

constexpr job_id one{1}, other{2};

job_event event(std::uint64_t ran) { return {0, 0, job_events::progressed{{0, ran, 0, 0, 0}}}; }

std::vector<std::uint64_t> numbers(const job_event_batch& batch) {
  std::vector<std::uint64_t> out;
  for (const auto& item : batch.items) out.push_back(item.number);
  return out;
}

using list = std::vector<std::uint64_t>;

TEST(event_log, each_reader_gets_all_behind_the_number_it_has) {
  event_log<job_event> log({}, 100);
  for (int i = 0; i < 5; ++i) log.append(one, event(1), 0);
  EXPECT_EQ(numbers(log.read(one, 0, 3, 1 * MiB)), (list{101, 102, 103}));
  EXPECT_EQ(numbers(log.read(one, 103, 100, 1 * MiB)), (list{104, 105}));
  EXPECT_EQ(log.read(one, 103, 100, 1 * MiB).last, 105u);
  EXPECT_TRUE(log.has_more(one, 104));
  EXPECT_FALSE(log.has_more(one, 105));
  EXPECT_TRUE(log.read(one, 105, 100, 1 * MiB).items.empty());
  EXPECT_TRUE(log.read(one, 9'999, 100, 1 * MiB).items.empty());
  EXPECT_EQ(log.read(one, 9'999, 100, 1 * MiB).last, 9'999u);
  EXPECT_TRUE(log.read(other, 0, 100, 1 * MiB).items.empty());
}

TEST(event_log, a_number_of_an_earlier_reign_is_behind_everything) {
  event_log<job_event> log({}, 1'000);
  log.append(one, event(1), 0);
  EXPECT_EQ(numbers(log.read(one, 999, 100, 1 * MiB)), (list{1'001}));
  EXPECT_TRUE(log.has_more(one, 3));
}

TEST(event_log, a_late_reader_is_told_how_many_are_kept_no_more) {
  event_log_options options;
  options.of_job_max = 3;
  event_log<job_event> log(options, 0);
  for (int i = 0; i < 10; ++i) log.append(one, event(1), 0);
  const auto late = log.read(one, 2, 100, 1 * MiB);
  EXPECT_EQ(late.left_out, 5u);
  EXPECT_EQ(numbers(late), (list{8, 9, 10}));
  EXPECT_EQ(log.read(one, 7, 100, 1 * MiB).left_out, 0u);
}

TEST(event_log, bytes_of_a_job_are_bounded_but_its_newest_item_is_there) {
  event_log_options options;
  options.bytes_of_job_max = 10'000;
  event_log<job_event> log(options, 0);
  for (int i = 0; i < 100; ++i) log.append(one, event(1), 1'000);
  EXPECT_LE(log.bytes(), 10'000u);
  log.append(one, event(1), 50'000);
  EXPECT_EQ(numbers(log.read(one, 0, 100, 1)), (list{101}));
}

TEST(event_log, all_jobs_together_are_bounded_and_the_oldest_items_go_first) {
  event_log_options options;
  options.bytes_max = 10'000;
  event_log<job_event> log(options, 0);
  for (int i = 0; i < 5; ++i) log.append(one, event(1), 1'000);
  for (int i = 0; i < 6; ++i) log.append(other, event(1), 1'000);
  EXPECT_LE(log.bytes(), 10'000u);
  EXPECT_EQ(log.read(one, 0, 100, 1 * MiB).left_out, 3u);
  EXPECT_EQ(log.read(other, 0, 100, 1 * MiB).left_out, 0u);
  for (int i = 0; i < 20; ++i) log.append(other, event(1), 1'000);
  const auto gone = log.read(one, 0, 100, 1 * MiB);
  EXPECT_EQ(gone.left_out, 5u);
  EXPECT_EQ(gone.last, 5u);
  log.append(one, event(1), 0);
  EXPECT_EQ(numbers(log.read(one, gone.last, 100, 1 * MiB)), (list{6}));
}

TEST(event_log, a_batch_ends_where_its_bytes_do_and_has_one_item_at_least) {
  event_log<job_event> log({}, 0);
  for (int i = 0; i < 4; ++i) log.append(one, event(1), 1'000);
  EXPECT_EQ(log.read(one, 0, 100, 2'500).items.size(), 2u);
  EXPECT_EQ(log.read(one, 0, 100, 10).items.size(), 1u);
}

TEST(event_log, what_is_forgotten_takes_nothing) {
  event_log<job_event> log({}, 0);
  log.append(one, event(1), 1'000);
  log.append(other, event(1), 0);
  log.forget(one);
  log.forget(one);
  EXPECT_TRUE(log.read(one, 0, 100, 1 * MiB).items.empty());
  log.forget(other);
  EXPECT_EQ(log.bytes(), 0u);
}

}  // namespace
}  // namespace graphite
