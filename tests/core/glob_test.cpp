#include "core/glob.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

bool matches(std::string_view pattern, std::string_view path) {
  auto parsed = glob::parse(pattern);
  EXPECT_TRUE(parsed) << pattern;
  return parsed && parsed->matches(path);
}

TEST(glob, name_pattern_matches_in_any_folder) {
  EXPECT_TRUE(matches("*.png", "a.png"));
  EXPECT_TRUE(matches("*.png", "x/y/a.png"));
  EXPECT_FALSE(matches("*.png", "a.png.bak"));
}

TEST(glob, star_stays_in_its_component) {
  EXPECT_TRUE(matches("data/*.txt", "data/a.txt"));
  EXPECT_FALSE(matches("data/*.txt", "data/x/a.txt"));
}

TEST(glob, double_star_crosses_components) {
  EXPECT_TRUE(matches("data/**/a.txt", "data/a.txt"));
  EXPECT_TRUE(matches("data/**/a.txt", "data/x/y/a.txt"));
  EXPECT_TRUE(matches("data/**", "data/x/y"));
  EXPECT_FALSE(matches("data/**", "data"));
  EXPECT_TRUE(matches("**/x/**/y", "a/x/b/x/c/y"));
  EXPECT_FALSE(matches("**/x/**/y", "a/b/c/y"));
}

TEST(glob, braces_and_classes) {
  EXPECT_TRUE(matches("*.{png,jp{,e}g}", "a.jpeg"));
  EXPECT_TRUE(matches("*.{png,jp{,e}g}", "a.jpg"));
  EXPECT_FALSE(matches("*.{png,jp{,e}g}", "a.gif"));
  EXPECT_TRUE(matches("[a-c]?[!x].t", "bäy.t"));
  EXPECT_FALSE(matches("[a-c]?[!x].t", "bäx.t"));
}

TEST(glob, many_stars_stay_fast) {
  const std::string text(2000, 'a');
  EXPECT_FALSE(matches("*a*a*a*a*a*a*a*a*a*b", text));
}

TEST(glob, refuses_what_never_closes) {
  EXPECT_FALSE(glob::parse(""));
  EXPECT_FALSE(glob::parse("{a,b"));
  EXPECT_FALSE(glob::parse("a}"));
  EXPECT_FALSE(glob::parse("[ab"));
  EXPECT_FALSE(glob::parse("/abs"));
}

TEST(glob, tells_which_folders_are_worth_a_walk) {
  const auto g = *glob::parse("data/images/*.png");
  EXPECT_TRUE(g.may_match_below("data"));
  EXPECT_TRUE(g.may_match_below("data/images"));
  EXPECT_FALSE(g.may_match_below("data/music"));
  EXPECT_FALSE(g.may_match_below("data/images/deep"));
}

}  // namespace
}  // namespace graphite
