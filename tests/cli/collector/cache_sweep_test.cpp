#include "cli/cache_sweep.hpp"

#include <gtest/gtest.h>

#include "tests/cli/collector/cache_rows.hpp"
#include "tests/support/memory_key_value_store.hpp"

namespace graphite::test {
namespace {

constexpr std::uint64_t sweep_ms = 1'700'000'000'000;

class sweep_test : public testing::Test {
 protected:
  sweep_test() {
    for (int i = 0; i < 100; ++i)
      write(cache_row_of(std::to_string(i), {{named("content " + std::to_string(i)), 1'000}},
                         sweep_ms - static_cast<std::uint64_t>(i)));
  }
  void write(const row_write& row) { ASSERT_TRUE(rows_.write({row}, key_value_store::durability::lazy)); }
  result<cache_sweep_summary> run(std::uint64_t bytes_max, bool dry_run = false) {
    cache_sweep sweep({rows_, [](const digest&) { return false; }, keep_, [this] { return stopping_; }});
    return sweep.run({{bytes_max, 30}, sweep_ms, dry_run});
  }

  memory_key_value_store rows_;
  std::function<void(std::span<const digest>)> keep_ = [](auto) {};
  bool stopping_ = false;
};

TEST_F(sweep_test, rows_of_all_keys_are_brought_within_the_bound) {
  std::vector<digest> kept;
  keep_ = [&](std::span<const digest> live) { kept.insert(kept.end(), live.begin(), live.end()); };
  const auto done = run(10'000);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->results, 100u);
  EXPECT_EQ(done->results_dropped, 90u);
  EXPECT_EQ(done->bytes, 100'000u);
  EXPECT_EQ(done->bytes_dropped, 90'000u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(has_row(rows_, std::to_string(i)), i < 10) << i;
  EXPECT_EQ(kept.size(), 10u);
}

TEST_F(sweep_test, a_dry_run_counts_the_same_and_writes_nothing) {
  const auto writes = rows_.options().writes;
  const auto done = run(10'000, true);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->results_dropped, 90u);
  EXPECT_EQ(done->bytes_dropped, 90'000u);
  EXPECT_EQ(rows_.options().writes, writes);
}

TEST_F(sweep_test, within_bounds_nothing_is_written) {
  const auto writes = rows_.options().writes;
  ASSERT_TRUE(run(100'000));
  EXPECT_EQ(rows_.options().writes, writes);
}

TEST_F(sweep_test, a_row_that_is_written_meanwhile_stays_as_it_was_written) {
  // After the row was looked at, and before it is written.
  const int slice = static_cast<unsigned char>(cache_row_key(named("99")).front());
  int calls = 0;
  keep_ = [&](auto) {
    if (calls++ == slice) write(cache_row_of("99", {{named("fresh"), 1'000}}, sweep_ms));
  };
  ASSERT_TRUE(run(0));
  EXPECT_EQ(rows_.rows(table::action_cache), 1u);
  EXPECT_TRUE(has_row(rows_, "99"));
}

TEST_F(sweep_test, damaged_rows_go_and_those_of_a_newer_version_stay) {
  write({table::action_cache, cache_row_key(named("damaged")), "\1damaged"});
  write({table::action_cache, cache_row_key(named("newer")), "\x7fnewer"});
  ASSERT_TRUE(run(GiB));
  EXPECT_FALSE(has_row(rows_, "damaged"));
  EXPECT_TRUE(has_row(rows_, "newer"));
}

TEST_F(sweep_test, it_ends_between_two_steps) {
  int steps = 0;
  keep_ = [&](auto) { stopping_ = ++steps == 3; };
  EXPECT_EQ(run(0).error().code, errc::cancelled);
  EXPECT_EQ(steps, 3);
  EXPECT_GT(rows_.rows(table::action_cache), 0u);
}

TEST_F(sweep_test, no_step_looks_at_more_than_its_part_of_the_rows) {
  // Every row must be visited within a scan of its own first byte.
  const auto before = rows_.options().scans;
  ASSERT_TRUE(run(GiB));
  EXPECT_EQ(rows_.options().scans - before, static_cast<std::uint64_t>(cache_sweep::steps));
}

}  // namespace
}  // namespace graphite::test
