#include <gtest/gtest.h>

#include "core/glob.hpp"

namespace graphite {
namespace {

TEST(ignore_rules, unanchored_names_match_everywhere) {
  ignore_rules rules;
  rules.add("", "*.o\n# comment\n\nbuild/\n");
  EXPECT_TRUE(rules.ignored("a/b/c.o", false));
  EXPECT_TRUE(rules.ignored("x/build", true));
  EXPECT_FALSE(rules.ignored("x/build", false));
  EXPECT_TRUE(rules.ignored("x/build/deep/file", false));
}

TEST(ignore_rules, later_line_wins_and_negation_returns) {
  ignore_rules rules;
  rules.add("", "*.log\n!keep.log\n");
  EXPECT_TRUE(rules.ignored("a.log", false));
  EXPECT_FALSE(rules.ignored("dir/keep.log", false));
}

TEST(ignore_rules, deeper_file_wins_over_the_root_whatever_the_order) {
  ignore_rules rules;
  rules.add("sub", "!*.tmp\n/only-here\n");
  rules.add("", "*.tmp\n");
  EXPECT_TRUE(rules.ignored("a.tmp", false));
  EXPECT_FALSE(rules.ignored("sub/a.tmp", false));
  EXPECT_TRUE(rules.ignored("sub/only-here", false));
  EXPECT_FALSE(rules.ignored("sub/x/only-here", false));
  rules.remove("sub");
  EXPECT_TRUE(rules.ignored("sub/a.tmp", false));
}

TEST(ignore_rules, nothing_below_an_ignored_folder_comes_back) {
  ignore_rules rules;
  rules.add("", "out/\n!out/keep\n");
  EXPECT_TRUE(rules.ignored("out/keep", false));
}

}  // namespace
}  // namespace graphite
