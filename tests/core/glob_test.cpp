#include "core/glob.hpp"

#include <gtest/gtest.h>

#include <random>

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

TEST(glob, a_quoted_text_matches_itself_only) {
  for (const std::string text : {"a[1].x", "d{x,y}/*", "b?", "{", "}", "a,b"}) {
    const auto pattern = glob::parse("./" + glob::quoted(text));
    ASSERT_TRUE(pattern) << text;
    EXPECT_TRUE(pattern->matches(text)) << text;
    EXPECT_EQ(pattern->prefix(), text);
  }
  EXPECT_FALSE(matches(glob::quoted("b?"), "bc"));
  EXPECT_TRUE(matches("{\\{,\\},z\\,}", "z,"));
}

TEST(glob, a_dot_in_front_means_the_root) {
  EXPECT_TRUE(matches("./*.h", "a.h"));
  EXPECT_FALSE(matches("./*.h", "x/a.h"));
  EXPECT_FALSE(glob::parse("./"));
}

TEST(glob, knows_what_its_matches_have_in_common) {
  const auto only = [](std::string_view text) { return glob::parse(text)->only_folder().value_or("many"); };
  EXPECT_EQ(only("a/b/*.h"), "a/b");
  EXPECT_EQ(only("a\\[1\\]/{x,y}.h"), "a[1]");
  EXPECT_EQ(only("./*.h"), "");
  for (const auto* text : {"*.h", "a/**", "**", "a/*/b", "{a,b}/c", "a/**/b.h", "x{a,b/c}"})
    EXPECT_EQ(only(text), "many") << text;
  EXPECT_EQ(glob::parse("a/x{y,z}/*")->prefix(), "a/x");
  EXPECT_EQ(glob::parse("x{a,b/c}")->prefix(), "");  // the first is in any folder
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

TEST(glob, a_name_pattern_says_what_the_general_matcher_says) {
  const std::vector<std::string> parts{"*", "?", "a", "b", ".", "[ab]", "\\*", "**", "é"};
  const std::vector<std::string> letters{"a", "b", ".", "*", "é"};
  std::mt19937 random(7);
  const auto make = [&](const auto& from) {
    std::string out;
    for (auto n = random() % 5; n-- > 0;) out += from[random() % from.size()];
    return out;
  };
  for (int i = 0; i < 50'000; ++i) {
    const auto pattern = make(parts), name = make(letters);
    EXPECT_EQ(name_pattern(pattern).matches(name), match_component(pattern, name)) << pattern << ' ' << name;
    if (pattern.empty() || name.empty()) continue;
    const auto whole = glob::parse(pattern);
    if (whole && pattern != "**") {
      EXPECT_EQ(whole->matches("x/" + name), match_component(pattern, name)) << pattern << ' ' << name;
    }
  }
}

}  // namespace
}  // namespace graphite
