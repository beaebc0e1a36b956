#include "core/text_tail.hpp"

#include <gtest/gtest.h>

#include "core/logical_path.hpp"

namespace graphite {
namespace {

TEST(text_tail, keeps_whole_lines_from_the_end) {
  EXPECT_EQ(last_lines("one\ntwo\n", 100), "one\ntwo\n");
  EXPECT_EQ(last_lines("first line\nsecond line\n", 20), "[…]\nsecond line\n");
  EXPECT_LE(last_lines(std::string(100, 'x'), 20).size(), 20u);
}

TEST(text_tail, is_always_printable_utf8) {
  EXPECT_EQ(last_lines("a\x1b[0m\tb\r\n", 100), "a?[0m\tb\n");
  EXPECT_EQ(last_lines("\xff"
                       "a\xc3",
                       100),
            "\xEF\xBF\xBD"
            "a\xEF\xBF\xBD");
  const std::string text = "häßlich ünd lang, öhne Zeilenende";
  for (std::size_t n = 0; n < text.size() + 2; ++n) {
    const auto tail = last_lines(text, n);
    EXPECT_TRUE(is_utf8(tail)) << n;
    EXPECT_LE(tail.size(), n);
  }
}

}  // namespace
}  // namespace graphite
