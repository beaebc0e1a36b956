#include "core/path_text.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

TEST(path_text, a_path_has_a_folder_and_a_name) {
  EXPECT_EQ(folder_of("a/b/c.png"), "a/b");
  EXPECT_EQ(file_name_of("a/b/c.png"), "c.png");
  EXPECT_EQ(folder_of("c.png"), "");
  EXPECT_EQ(file_name_of("c.png"), "c.png");
}

TEST(path_text, joins_with_one_slash_and_none_at_the_root) {
  EXPECT_EQ(join_path("a/b", "c.png"), "a/b/c.png");
  EXPECT_EQ(join_path("", "c.png"), "c.png");
  EXPECT_EQ(join_path("a", ""), "a");
}

TEST(path_text, a_folder_covers_itself_and_what_is_below_but_no_longer_name) {
  EXPECT_TRUE(is_at_or_below("a/b", "a/b"));
  EXPECT_TRUE(is_at_or_below("a/b/c", "a/b"));
  EXPECT_FALSE(is_at_or_below("a/bc", "a/b"));
  EXPECT_FALSE(is_at_or_below("a", "a/b"));
  EXPECT_TRUE(is_at_or_below("a", ""));
}

}  // namespace
}  // namespace graphite
