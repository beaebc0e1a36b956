#include "core/did_you_mean.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

TEST(did_you_mean, counts_edits) {
  EXPECT_EQ(edit_distance("match", "match"), 0u);
  EXPECT_EQ(edit_distance("mach", "match"), 1u);
  EXPECT_EQ(edit_distance("mtach", "match"), 1u) << "a swap is one edit";
  EXPECT_EQ(edit_distance("MATCH", "match"), 0u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

TEST(did_you_mean, long_texts_are_cut_not_refused) {
  const std::string a(100'000, 'a'), b(100'000, 'b');
  EXPECT_EQ(edit_distance(a, b), edit_distance_bytes_max);
}

TEST(did_you_mean, finds_the_near_word_and_only_that) {
  const std::vector<std::string_view> known{"build", "dev", "gc", "status", "subscribe", "submit"};
  EXPECT_EQ(nearest_word("biuld", known), "build");
  EXPECT_EQ(nearest_word("statsu", known), "status");
  EXPECT_EQ(nearest_word("subscr", known), "subscribe");
  EXPECT_EQ(nearest_word("xyzzy", known), "");
  EXPECT_EQ(nearest_word("x", known), "");
  EXPECT_EQ(nearest_word("", known), "");
}

TEST(did_you_mean, lists_what_there_is_where_nothing_is_near) {
  EXPECT_EQ(did_you_mean("mach", {"match", "name"}), "did you mean 'match'?");
  EXPECT_EQ(did_you_mean("zzz", {"match", "name"}), "known: match, name");
  EXPECT_EQ(did_you_mean("zzz", {}), "");
}

}  // namespace
}  // namespace graphite
