#include "bundle/asset_list.hpp"

#include <gtest/gtest.h>

#include "tests/support/paths.hpp"

namespace graphite {
namespace {

using test::path_of;

content_ref content_of_byte(std::uint8_t byte, std::uint64_t size) {
  content_ref out;
  out.id.bytes.fill(byte);
  out.size = size;
  return out;
}

std::vector<asset_record> some_assets() {
  return {{path_of("a.png"), {{content_of_byte(1, 7), part_codec::raw, {}}}, {}},
          {path_of("b/mesh"),
           {{content_of_byte(2, 100'000), part_codec::raw, {}}, {content_of_byte(3, 0), part_codec::raw, {}}},
           {asset_id{4}, asset_id{~std::uint64_t{0}}}}};
}

TEST(asset_list, comes_back_as_it_was_written) {
  const auto back = decode_asset_list(encode_asset_list(some_assets()));
  ASSERT_TRUE(back) << back.error().context;
  EXPECT_EQ(*back, some_assets());
  EXPECT_TRUE(decode_asset_list(encode_asset_list({}))->empty());
}

TEST(asset_list, any_other_bytes_are_refused) {
  const auto good = encode_asset_list(some_assets());
  for (std::size_t length = 0; length < good.size(); ++length)
    EXPECT_FALSE(decode_asset_list(byte_span(good).first(length))) << length;
  auto longer = good;
  longer.push_back(std::byte{0});
  EXPECT_EQ(decode_asset_list(longer).error().code, errc::corrupt);
  auto newer = good;
  newer[0] = std::byte{9};
  EXPECT_EQ(decode_asset_list(newer).error().code, errc::newer_version);
}

TEST(asset_list, has_one_order) {
  auto swapped = some_assets();
  std::swap(swapped[0], swapped[1]);
  EXPECT_EQ(decode_asset_list(encode_asset_list(swapped)).error().code, errc::corrupt);
  auto twice = some_assets();
  twice[1].references = {asset_id{4}, asset_id{4}};
  EXPECT_EQ(decode_asset_list(encode_asset_list(twice)).error().code, errc::corrupt);
  auto without_bytes = some_assets();
  without_bytes[0].parts.clear();
  EXPECT_EQ(decode_asset_list(encode_asset_list(without_bytes)).error().code, errc::corrupt);
}

TEST(asset_list, is_bounded) {
  EXPECT_EQ(decode_asset_list(encode_asset_list(some_assets()), {1}).error().code, errc::too_large);
  // A count that the bytes cannot hold reserves nothing.
  const byte_vector hostile{std::byte{1}, std::byte{0x80}, std::byte{0x89}, std::byte{0x7a}};
  EXPECT_EQ(decode_asset_list(hostile).error().code, errc::corrupt);
}

}  // namespace
}  // namespace graphite
