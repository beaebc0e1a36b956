#include "coordinator/cluster/content_index.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

using holders = content_index::holder_list;

TEST(content_index, names_the_newest_domains_first) {
  content_index index(64);
  EXPECT_EQ(index.find(7), holders{});
  for (const auto where : {1u, 2u, 3u, 2u}) index.note(7, where);
  EXPECT_EQ(index.find(7), (holders{2, 3, 1, 0}));
  for (const auto where : {4u, 5u}) index.note(7, where);
  EXPECT_EQ(index.find(7), (holders{5, 4, 2, 3})) << "the oldest is forgotten";
  EXPECT_EQ(index.find(8), holders{});
}

TEST(content_index, forgets_what_was_not_seen_for_long_and_keeps_what_was) {
  content_index index(256);
  index.note(1, 9);
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    index.note(1'000'000 + i * 977, 3);
    index.note(1, 9);
  }
  EXPECT_EQ(index.find(1)[0], 9u);
  int kept = 0;
  for (std::uint64_t i = 0; i < 10'000; ++i) kept += index.find(1'000'000 + i * 977)[0] != 0 ? 1 : 0;
  EXPECT_LE(kept, 256);
  EXPECT_GE(kept, 200);
  EXPECT_NE(index.find(1'000'000 + 9'999 * 977)[0], 0u) << "the newest";
}

TEST(content_index, a_content_numbered_zero_is_one_like_others) {
  content_index index(4);
  EXPECT_EQ(index.find(0), holders{});
  index.note(0, 2);
  EXPECT_EQ(index.find(0)[0], 2u);
}

}  // namespace
}  // namespace graphite
