#include "core/hex.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

TEST(hex, gives_back_what_was_written) {
  byte_vector all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<std::byte>(i));
  const auto text = hex_text(all);
  EXPECT_TRUE(text.starts_with("000102"));
  EXPECT_TRUE(text.ends_with("fdfeff"));
  EXPECT_TRUE(bytes_from_hex(text, 256) == all);
  EXPECT_EQ(bytes_from_hex("Ab", 1)->front(), std::byte{0xab});
}

TEST(hex, refuses_halves_other_characters_and_more_than_asked_for) {
  EXPECT_FALSE(bytes_from_hex("abc", 16));
  EXPECT_FALSE(bytes_from_hex("0g", 16));
  EXPECT_FALSE(bytes_from_hex(" a", 16));
  EXPECT_FALSE(bytes_from_hex("abcd", 1));
  EXPECT_TRUE(bytes_from_hex("", 0));
}

}  // namespace
}  // namespace graphite
