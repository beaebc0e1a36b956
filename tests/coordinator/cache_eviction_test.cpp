#include "coordinator/cache_eviction.hpp"

#include <gtest/gtest.h>

#include <set>

#include "engine_world.hpp"

namespace graphite::test {
namespace {

constexpr std::uint64_t hour_ms = 3'600'000, day_ms = 24 * hour_ms;
constexpr std::uint64_t now_ms = 1'700'000'000'000;

content_ref of_size(const std::string& text, std::uint64_t size) { return {content_of(text).id, size}; }

/// A result of its own key with outputs NAME:SIZE.
cached_result made(const std::string& key, std::uint64_t used, std::vector<content_ref> outputs) {
  cached_result one;
  one.strong = content_of("strong " + key).id;
  one.used_unix_ms = used;
  for (std::size_t i = 0; i < outputs.size(); ++i)
    one.outputs.push_back({path_of("out" + std::to_string(i)), outputs[i]});
  return one;
}

/// The cache as rows with one result each, unless they are given together.
class eviction : public testing::Test {
 protected:
  void add(cached_result one) { rows_.push_back({{std::move(one)}}); }
  /// Runs both passes; what is left, by strong key's name.
  cache_eviction run(cache_bounds bounds, std::size_t contents = cache_eviction::contents_max) {
    cache_eviction out(
        bounds, now_ms, [this](const digest& content) { return shown_.contains(content); }, contents);
    for (const auto& row : rows_) out.see(row);
    out.decide();
    for (auto& row : rows_) {
      const auto before = row.results.size();
      const auto how = out.trim(row);
      EXPECT_EQ(how.dropped, before - row.results.size());
      dropped_ += how.dropped;
      changed_ += how.changed ? 1 : 0;
    }
    return out;
  }
  bool has(const std::string& key) const {
    const auto strong = content_of("strong " + key).id;
    for (const auto& row : rows_)
      for (const auto& one : row.results)
        if (one.strong == strong) return true;
    return false;
  }

  std::vector<cache_row> rows_;
  std::set<digest> shown_;
  std::uint64_t dropped_ = 0, changed_ = 0;
};

TEST_F(eviction, the_least_recently_used_results_go_first_whatever_their_order_in_the_table) {
  for (const int age : {5, 1, 4, 2, 3})
    add(made(std::to_string(age), now_ms - static_cast<std::uint64_t>(age) * hour_ms,
             {of_size("c" + std::to_string(age), 1'000)}));
  const auto done = run({3'000, 30});
  EXPECT_EQ(dropped_, 2u);
  EXPECT_TRUE(has("1") && has("2") && has("3"));
  EXPECT_FALSE(has("4") || has("5"));
  EXPECT_EQ(done.bytes(), 5'000u);
  EXPECT_EQ(done.bytes_kept(), 3'000u);
}

TEST_F(eviction, what_is_shown_costs_nothing_and_stays_and_counts_as_used) {
  add(made("shown", now_ms - 90 * day_ms, {of_size("shown", 1'000'000)}));
  add(made("old", now_ms - hour_ms, {of_size("old", 1'000)}));
  shown_.insert(content_of("shown").id);
  const auto done = run({0, 30});
  EXPECT_TRUE(has("shown"));
  EXPECT_FALSE(has("old"));
  EXPECT_EQ(done.bytes(), 1'000u);
  EXPECT_EQ(rows_[0].results[0].used_unix_ms, now_ms) << "it was used as long as it was shown";
  changed_ = 0;
  run({0, 30});
  EXPECT_EQ(changed_, 0u) << "a stamp of today is not written again";
}

TEST_F(eviction, a_result_goes_when_one_of_its_outputs_does) {
  add(made("half", now_ms, {of_size("shown", 10'000), of_size("not shown", 10'000)}));
  shown_.insert(content_of("shown").id);
  run({9'999, 30});
  EXPECT_FALSE(has("half"));
}

TEST_F(eviction, a_content_counts_once_and_is_as_recent_as_its_newest_result) {
  add(made("old", now_ms - 9 * hour_ms, {of_size("both", 2'000)}));
  add(made("other", now_ms - 5 * hour_ms, {of_size("other", 2'000)}));
  add(made("new", now_ms - hour_ms, {of_size("both", 2'000)}));
  const auto done = run({2'000, 30});
  EXPECT_TRUE(has("old") && has("new")) << "the old one costs nothing beside the new one";
  EXPECT_FALSE(has("other"));
  EXPECT_EQ(done.bytes(), 4'000u);
}

TEST_F(eviction, what_was_not_used_for_days_goes_although_there_is_room) {
  add(made("29", now_ms - 29 * day_ms, {of_size("a", 1'000)}));
  add(made("31", now_ms - 31 * day_ms, {of_size("b", 1'000)}));
  add(made("31 without outputs", now_ms - 31 * day_ms, {}));
  const auto done = run({GiB, 30});
  EXPECT_TRUE(has("29"));
  EXPECT_FALSE(has("31") || has("31 without outputs"));
  EXPECT_EQ(done.bytes_kept(), 1'000u);
}

TEST_F(eviction, a_result_without_a_stamp_counts_as_never_used) {
  add(made("unknown", 0, {of_size("a", 1'000)}));
  run({GiB, 30});
  EXPECT_FALSE(has("unknown"));
}

TEST_F(eviction, a_stamp_from_the_future_is_as_good_as_now) {
  add(made("future", now_ms + 365 * day_ms, {of_size("a", 1'000)}));
  add(made("now", now_ms, {of_size("b", 1'000)}));
  run({2'000, 30});
  EXPECT_TRUE(has("future") && has("now"));
}

TEST_F(eviction, no_bytes_keep_nothing_not_even_empty_files) {
  add(made("empty", now_ms, {of_size("", 0)}));
  const auto done = run({0, 30});
  EXPECT_FALSE(has("empty"));
  EXPECT_EQ(done.bytes_kept(), 0u);
}

TEST_F(eviction, more_contents_than_it_may_remember_drop_the_oldest) {
  for (int i = 0; i < 100; ++i)
    add(made(std::to_string(i), now_ms - static_cast<std::uint64_t>(i * 37 % 100) * 1'000,
             {of_size("c" + std::to_string(i), 1'000)}));
  const auto done = run({GiB, 30}, 10);
  EXPECT_EQ(dropped_, 90u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(has(std::to_string(i)), i * 37 % 100 < 10) << i;
  EXPECT_EQ(done.bytes(), 100'000u);
  EXPECT_EQ(done.bytes_kept(), 10'000u);
}

TEST_F(eviction, a_row_keeps_its_other_results) {
  rows_.push_back({{made("new", now_ms, {of_size("a", 1'000)}),
                    made("old", now_ms - 40 * day_ms, {of_size("b", 1'000)})}});
  run({GiB, 30});
  ASSERT_EQ(rows_[0].results.size(), 1u);
  EXPECT_TRUE(has("new"));
}

}  // namespace
}  // namespace graphite::test
