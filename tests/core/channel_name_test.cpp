#include "core/channel_name.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

TEST(channel_name, names_a_folder_and_a_topic) {
  for (const auto* good : {"main", "A-1_b.c", "7", "_"}) EXPECT_TRUE(is_channel_name(good)) << good;
  EXPECT_TRUE(is_channel_name(std::string(channel_name_bytes_max, 'a')));
  for (const auto* bad : {"", ".", "..", ".x", "-x", "a/b", "a b", "a+b", "a\n", "\xc3\xa4"})
    EXPECT_FALSE(is_channel_name(bad)) << bad;
  EXPECT_FALSE(is_channel_name(std::string(channel_name_bytes_max + 1, 'a')));
}

}  // namespace
}  // namespace graphite
