#include "actors/complaints.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

using source = complaint_book::source;
bool none(const std::string&) { return false; }

TEST(complaint_book, says_each_thing_once) {
  complaint_book book;
  EXPECT_TRUE(book.add("a", "x", source::look));
  EXPECT_FALSE(book.add("a", "x", source::look));
  EXPECT_TRUE(book.add("a", "y", source::look));
  EXPECT_TRUE(book.remove("a"));
  EXPECT_FALSE(book.remove("a"));
  EXPECT_TRUE(book.add("a", "y", source::look));
}

TEST(complaint_book, a_look_settles_what_looks_said_below_its_folder_only) {
  complaint_book book;
  for (const char* path : {"d", "d-e/x", "d/x", "d/y/z", "e"}) book.add(path, "x", source::look);
  book.add("d/read", "x", source::reading);
  const auto keep = [](const std::string& path) { return path == "d/x"; };
  EXPECT_EQ(book.settle("d", keep), (std::vector<std::string>{"d", "d/y/z"}));
  EXPECT_EQ(book.settle("", none), (std::vector<std::string>{"d-e/x", "d/x", "e"}));
}

TEST(complaint_book, is_bounded) {
  complaint_book book;
  for (std::size_t i = 0; i < complaint_book::paths_max; ++i) book.add(std::to_string(i), "x", source::look);
  EXPECT_FALSE(book.add("one more", "x", source::look));
  EXPECT_EQ(book.settle("", none).size(), complaint_book::paths_max);
}

}  // namespace
}  // namespace graphite
