#include "core/logical_path.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

TEST(logical_path, refuses_what_could_leave_the_root_or_confuse) {
  for (const char* text :
       {"", "/a", "a//b", "./a", "a/..", "..", "a/", "a\\b", "a\nb", "a\x7f", "\xff", "\xc0\xaf"})
    EXPECT_FALSE(logical_path::parse(text)) << text;
  EXPECT_FALSE(logical_path::parse(std::string_view("a\0b", 3)));
  EXPECT_FALSE(logical_path::parse(std::string(256, 'x')));
  EXPECT_FALSE(logical_path::parse(std::string(1025, 'x')));
}

TEST(logical_path, takes_itself_apart) {
  const auto path = *logical_path::parse("images/creatures/tux.small.png");
  EXPECT_EQ(path.folder(), "images/creatures");
  EXPECT_EQ(path.file_name(), "tux.small.png");
  EXPECT_EQ(path.stem(), "tux.small");
  EXPECT_EQ(path.extension(), ".png");
  EXPECT_EQ(logical_path::parse("d/.hidden")->extension(), "");
}

TEST(logical_path, resolves_references_inside_the_root_only) {
  const auto path = *logical_path::parse("a/b/sprite.txt");
  EXPECT_EQ(path.resolve("../c/x.png")->str(), "a/c/x.png");
  EXPECT_EQ(path.resolve("./x.png")->str(), "a/b/x.png");
  EXPECT_FALSE(path.resolve("../../../x.png"));
  EXPECT_FALSE(path.resolve("..").has_value() && path.resolve("..")->str() != "a");
}

TEST(logical_path, id_is_xxh3_of_the_path) {
  EXPECT_EQ(id_of(*logical_path::parse("a")).value, 0xe6c632b61e964e1full);
}

TEST(case_fold, joins_the_common_twins) {
  EXPECT_EQ(case_fold("README.Txt"), case_fold("readme.tXT"));
  EXPECT_EQ(case_fold("ÄÖ"), case_fold("äö"));
  EXPECT_EQ(case_fold("ДОМ"), case_fold("дом"));
  EXPECT_EQ(case_fold("Ж日本"), case_fold("ж日本"));
  EXPECT_NE(case_fold("a"), case_fold("b"));
}

}  // namespace
}  // namespace graphite
