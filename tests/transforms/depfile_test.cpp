#include "transforms/depfile.hpp"

#include <gtest/gtest.h>

#include <random>

namespace graphite {
namespace {

using paths = std::vector<std::string>;

TEST(depfile, lists_prerequisites_of_all_rules_once) {
  EXPECT_EQ(*parse_depfile("out.o: a.c b.h \\\n  c.h\nother.o: b.h d.h\n"),
            (paths{"a.c", "b.h", "c.h", "d.h"}));
  EXPECT_EQ(*parse_depfile("a b c: x\r\n"), (paths{"x"}));
}

TEST(depfile, understands_escapes) {
  EXPECT_EQ(*parse_depfile("o: a\\ b.h c\\#d $$e C:/x/y.h C:\\z\\w.h a:b\n"),
            (paths{"a b.h", "c#d", "$e", "C:/x/y.h", "C:\\z\\w.h", "a:b"}));
  EXPECT_EQ(*parse_depfile("C:/out.o: x\n"), (paths{"x"}));
}

TEST(depfile, phony_targets_and_comments_add_nothing) {
  EXPECT_EQ(*parse_depfile("# made by a tool\no: a.h\n\na.h:\n"), (paths{"a.h"}));
  EXPECT_EQ(*parse_depfile("o: a.h"), (paths{"a.h"}));
  EXPECT_TRUE(parse_depfile("")->empty());
  EXPECT_TRUE(parse_depfile("o:")->empty());
}

TEST(depfile, continuation_without_blank_ends_the_name) {
  EXPECT_EQ(*parse_depfile("o: a.h\\\nb.h\\\r\n c.h\n"), (paths{"a.h", "b.h", "c.h"}));
}

TEST(depfile, says_which_line_has_no_colon) {
  const auto read = parse_depfile("o: a\nno colon here\n");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, errc::corrupt);
  EXPECT_NE(read.error().context.find("line 2"), std::string::npos);
}

TEST(depfile, refuses_nul_and_what_is_too_large) {
  EXPECT_EQ(parse_depfile(std::string("o: a\0b", 6)).error().code, errc::corrupt);
  depfile_options small;
  small.bytes_max = 10;
  EXPECT_EQ(parse_depfile("o: 123456789", small).error().code, errc::too_large);
  small = {};
  small.paths_max = 2;
  EXPECT_EQ(parse_depfile("o: a b c", small).error().code, errc::too_large);
  small = {};
  small.path_bytes_max = 3;
  EXPECT_EQ(parse_depfile("o: abcd", small).error().code, errc::too_large);
}

TEST(depfile, any_bytes_end_in_paths_or_an_error) {
  std::mt19937_64 random(1);
  const std::string alphabet("ab:\\ \t\n\r$#/.\0\xff", 14);
  for (int round = 0; round < 20'000; ++round) {
    std::string text(random() % 40, ' ');
    for (auto& c : text) c = alphabet[random() % alphabet.size()];
    const auto read = parse_depfile(text);
    if (!read) continue;
    for (const auto& path : *read) EXPECT_FALSE(path.empty());
  }
}

TEST(depfile, every_truncation_of_a_good_file_is_handled) {
  const std::string good = "dir/out.o: a\\ b.h \\\n  c$$d C:\\e.h \\\n f.h\nf.h:\n";
  for (std::size_t n = 0; n <= good.size(); ++n) (void)parse_depfile(good.substr(0, n));
}

}  // namespace
}  // namespace graphite
