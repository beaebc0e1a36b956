#include "core/path_template.hpp"

#include <gtest/gtest.h>

#include "core/glob.hpp"
#include "tests/support/paths.hpp"

namespace graphite {
namespace {

using test::path_of;

TEST(path_template, fills_in_the_source) {
  EXPECT_EQ(expand_output("{dir}/{stem}.gz", path_of("a/b/c.stl"))->text, "a/b/c.gz");
  EXPECT_EQ(expand_output("out/{in}.{ext}", path_of("a/b.c"))->text, "out/a/b.c.c");
  EXPECT_EQ(expand_output("{name}", path_of("a/b.c"))->text, "b.c");
}

TEST(path_template, folder_of_the_root_vanishes_with_its_slash) {
  EXPECT_EQ(expand_output("{dir}/{stem}.gz", path_of("c.stl"))->text, "c.gz");
  EXPECT_FALSE(expand_output("x/{dir}/{stem}.gz", path_of("c.stl")));
}

TEST(path_template, refuses_what_leaves_the_root_or_is_unknown) {
  for (const auto* text :
       {"../{name}", "/{name}", "{dir}/../../../{name}", "{nmae}", "{tool:x}", "", "a//{name}"})
    EXPECT_FALSE(expand_output(text, path_of("a/b.c"))) << text;
}

TEST(path_template, quotes_the_source_in_a_wildcard_output) {
  const auto wild = *expand_output("{dir}/{stem}/**", path_of("a/b[1]*.c"));
  EXPECT_TRUE(wild.wildcard);
  EXPECT_EQ(wild.text, "a/b\\[1\\]\\*/**");
  EXPECT_EQ(wild.folder(), "a/b[1]*");
}

TEST(path_template, no_source_name_makes_an_output_a_wildcard) {
  for (const auto* stem : {"b*", "b[1]", "b?", "{x,y}", "{in}"}) {
    const auto name = *expand_output("{stem}.x", path_of(stem + std::string(".c")));
    EXPECT_FALSE(name.wildcard);
    EXPECT_EQ(name.text, stem + std::string(".x"));
  }
}

TEST(path_template, a_wildcard_output_without_folder_is_of_the_root) {
  EXPECT_EQ(expand_output("*.x", path_of("a/b.c"))->text, "./*.x");
  EXPECT_EQ(expand_output("{dir}/*.x", path_of("b.c"))->text, "./*.x");
  EXPECT_EQ(expand_output("*.x", path_of("a/b.c"))->folder(), "");
}

TEST(path_template, the_source_stands_for_itself_in_a_glob) {
  const auto pattern = *glob::parse(*expand_glob("{dir}/*.{h,{stem}}", path_of("p[1]{a,b}*/x?.c")));
  EXPECT_TRUE(pattern.matches("p[1]{a,b}*/y.h"));
  EXPECT_TRUE(pattern.matches("p[1]{a,b}*/y.x?"));
  EXPECT_FALSE(pattern.matches("p1a/y.h"));
  EXPECT_FALSE(pattern.matches("p[1]{a,b}*/y.xx"));
  const auto root = *glob::parse(*expand_glob("{dir}/*.h", path_of("x.c")));
  EXPECT_TRUE(root.matches("y.h"));
  EXPECT_FALSE(root.matches("q/y.h"));
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
