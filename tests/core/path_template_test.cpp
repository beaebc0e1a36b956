#include "core/path_template.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

logical_path path(std::string_view text) { return *logical_path::parse(text); }

TEST(path_template, fills_in_the_source) {
  EXPECT_EQ(*expand_output("{dir}/{stem}.gz", path("a/b/c.stl")), "a/b/c.gz");
  EXPECT_EQ(*expand_output("out/{in}.{ext}", path("a/b.c")), "out/a/b.c.c");
  EXPECT_EQ(*expand_output("{name}", path("a/b.c")), "b.c");
}

TEST(path_template, folder_of_the_root_vanishes_with_its_slash) {
  EXPECT_EQ(*expand_output("{dir}/{stem}.gz", path("c.stl")), "c.gz");
  EXPECT_FALSE(expand_output("x/{dir}/{stem}.gz", path("c.stl")));
}

TEST(path_template, refuses_what_leaves_the_root_or_is_unknown) {
  for (const auto* text :
       {"../{name}", "/{name}", "{dir}/../../../{name}", "{nmae}", "{tool:x}", "", "a//{name}"})
    EXPECT_FALSE(expand_output(text, path("a/b.c"))) << text;
}

TEST(path_template, quotes_the_source_in_a_wildcard_output) {
  EXPECT_EQ(*expand_output("{dir}/{stem}/**", path("a/b[1]*.c")), "a/b\\[1]\\*/**");
  EXPECT_EQ(*expand_output("{stem}.x", path("b*.c")), "b*.x");
}

TEST(path_template, leaves_braces_of_other_languages_alone) {
  EXPECT_TRUE(placeholders_of("awk '{ print $1 }' ${HOME} {} {A} {{in}}").empty());
  const auto found = placeholders_of("{tool:g++} {in} {a:} {in");
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].word, "tool");
  EXPECT_EQ(found[0].argument, "g++");
  EXPECT_EQ(found[1].word, "in");
  EXPECT_EQ(found[1].offset, 11u);
}

}  // namespace
}  // namespace graphite
