#include "node/cache_value.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace graphite {
namespace {

content_ref numbered(std::uint8_t n, std::uint64_t size) {
  content_ref out{{}, size};
  out.id.bytes.fill(n);
  return out;
}

class cache_value_test : public testing::Test {
 protected:
  static bool has(const std::vector<content_ref>& all, std::uint8_t n) {
    return std::any_of(all.begin(), all.end(), [&](const auto& one) { return one.id == numbered(n, 0).id; });
  }
  cache_value cache_{
      {.bytes_max = 10 * MiB, .fetch_bytes = 256 * KiB, .place_bytes = 64, .keep_percent = 80}};
};

TEST_F(cache_value_test, nothing_goes_while_all_fits) {
  for (std::uint8_t i = 0; i < 9; ++i) cache_.used(numbered(i, MiB));
  EXPECT_FALSE(cache_.too_large());
  EXPECT_TRUE(cache_.evict().empty());
  EXPECT_EQ(cache_.kept().size(), 9U);
}

TEST_F(cache_value_test, what_is_over_the_bound_goes_and_some_more) {
  for (std::uint8_t i = 0; i < 12; ++i) cache_.used(numbered(i, MiB));
  EXPECT_TRUE(cache_.too_large());
  const auto gone = cache_.evict();
  EXPECT_LE(cache_.bytes(), 8 * MiB);
  EXPECT_EQ(gone.size() + cache_.size(), 12U);
  EXPECT_FALSE(cache_.too_large());
}

TEST_F(cache_value_test, what_is_used_often_stays) {
  for (std::uint8_t i = 0; i < 12; ++i) cache_.used(numbered(i, MiB));
  for (int i = 0; i < 3; ++i) cache_.used(numbered(2, MiB));
  EXPECT_FALSE(has(cache_.evict(), 2));
}

TEST_F(cache_value_test, small_contents_outlive_large_ones) {
  cache_.used(numbered(0, 10));
  for (std::uint8_t i = 1; i < 12; ++i) cache_.used(numbered(i, MiB));
  EXPECT_FALSE(has(cache_.evict(), 0));
}

TEST_F(cache_value_test, what_was_used_often_long_ago_goes_in_the_end) {
  for (int i = 0; i < 5; ++i) cache_.used(numbered(0, MiB));
  bool gone = false;
  for (int i = 1; i < 200 && !gone; ++i) {
    cache_.used(numbered(static_cast<std::uint8_t>(i), MiB));
    gone = has(cache_.evict(), 0);
  }
  EXPECT_TRUE(gone);
}

TEST_F(cache_value_test, what_is_pinned_stays_whatever_it_is_worth) {
  cache_.pin(numbered(0, 9 * MiB));
  cache_.pin(numbered(0, 9 * MiB));
  for (std::uint8_t i = 1; i < 5; ++i) cache_.used(numbered(i, MiB));
  EXPECT_FALSE(has(cache_.evict(), 0));
  EXPECT_EQ(cache_.size(), 1U) << "all others have gone";
  cache_.unpin(numbered(0, 0).id);
  cache_.used(numbered(7, 2 * MiB));
  EXPECT_FALSE(has(cache_.evict(), 0));
  cache_.unpin(numbered(0, 0).id);
  cache_.used(numbered(7, 2 * MiB));
  EXPECT_TRUE(has(cache_.evict(), 0));
}

TEST_F(cache_value_test, what_is_pinned_and_used_stays_as_well) {
  cache_.pin(numbered(0, 9 * MiB));
  cache_.used(numbered(0, 9 * MiB));
  cache_.used(numbered(1, 2 * MiB));
  EXPECT_FALSE(has(cache_.evict(), 0));
}

TEST_F(cache_value_test, counts_what_it_keeps) {
  cache_.used(numbered(1, 1000));
  cache_.used(numbered(1, 1000));
  cache_.pin(numbered(2, 500));
  EXPECT_EQ(cache_.bytes(), 1500U + 2 * 64);
  cache_.forget(numbered(1, 0).id);
  cache_.forget(numbered(1, 0).id);
  cache_.forget(numbered(2, 0).id);
  EXPECT_EQ(cache_.bytes(), 0U);
  EXPECT_TRUE(cache_.kept().empty());
}

}  // namespace
}  // namespace graphite
