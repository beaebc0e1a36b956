#include "core/digest.hpp"

#include <gtest/gtest.h>

#include "core/ids.hpp"

namespace graphite {
namespace {

TEST(digest, hex_round_trip) {
  digest d;
  for (std::size_t i = 0; i < d.bytes.size(); ++i) d.bytes[i] = static_cast<std::uint8_t>(7 * i + 200);
  EXPECT_EQ(to_hex(d).size(), 64u);
  EXPECT_EQ(digest_from_hex(to_hex(d)), d);
}

TEST(digest, refuses_other_text) {
  EXPECT_FALSE(digest_from_hex(""));
  EXPECT_FALSE(digest_from_hex(std::string(63, 'a')));
  EXPECT_FALSE(digest_from_hex(std::string(63, 'a') + "g"));
}

TEST(uuid, text_round_trip) {
  uuid u;
  for (std::size_t i = 0; i < u.bytes.size(); ++i) u.bytes[i] = static_cast<std::uint8_t>(17 * i);
  EXPECT_EQ(to_string(u), "00112233-4455-6677-8899-aabbccddeeff");
  EXPECT_EQ(uuid_from_string(to_string(u)), u);
  EXPECT_FALSE(uuid_from_string("00112233x4455-6677-8899-aabbccddeeff"));
  EXPECT_TRUE(uuid_from_string("00112233-4455-6677-8899-aabbccddeeff"));
  EXPECT_FALSE(uuid_from_string("00112233-4455-6677-8899-AABBCCDDEEFF")) << "one spelling";
}

}  // namespace
}  // namespace graphite
