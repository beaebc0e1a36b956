#include "bundle/chunk_list.hpp"

#include <gtest/gtest.h>

#include "bundle/chunker.hpp"
#include "tests/bundle/support.hpp"

namespace graphite {
namespace {

using test::random_bytes;
using test::sha;

/// A list as of a content of `count` chunks, without that content.
chunk_list synthetic_list(std::size_t count) {
  chunk_list out;
  for (std::size_t i = 0; i < count; ++i)
    out.chunks.push_back(
        {sha().sha256(std::as_bytes(std::span(&i, 1))), static_cast<std::uint32_t>(70'000 + i % 1000)});
  return out;
}

std::vector<byte_span> pieces_of(const encoded_chunk_list& list) {
  std::vector<byte_span> out;
  byte_span rest = list.entries;
  for (const auto& piece : list.sub_lists.chunks) {
    out.push_back(rest.first(piece.size));
    rest = rest.subspan(piece.size);
  }
  return out;
}

TEST(chunk_list, round_trips) {
  for (std::size_t size : {0ul, 1ul, 65'536ul, 65'537ul, 3'000'000ul}) {
    const auto list = chunk_bytes(random_bytes(size, size), sha());
    const auto encoded = encode_chunk_list(list, sha());
    EXPECT_EQ(encoded.content.size, size);
    EXPECT_EQ(encoded.content, content_of(list, sha()));
    const auto decoded = decode_chunk_list(encoded.content, encoded.top, {}, sha());
    ASSERT_TRUE(decoded) << decoded.error().context;
    EXPECT_EQ(*decoded, list);
  }
}

TEST(chunk_list, a_list_over_64_kib_has_two_levels) {
  const auto fits = encode_chunk_list(synthetic_list((64 * 1024 - 16) / 36), sha());
  EXPECT_TRUE(fits.sub_lists.chunks.empty());
  const auto list = synthetic_list((64 * 1024 - 16) / 36 + 1);
  const auto encoded = encode_chunk_list(list, sha());
  ASSERT_FALSE(encoded.sub_lists.chunks.empty());
  const auto decoded = decode_chunk_list(encoded.content, encoded.top, pieces_of(encoded), sha());
  ASSERT_TRUE(decoded) << decoded.error().context;
  EXPECT_EQ(*decoded, list);
}

TEST(chunk_list, similar_long_lists_share_parts) {
  auto list = synthetic_list(60'000);
  const auto before = encode_chunk_list(list, sha());
  list.chunks.erase(list.chunks.begin() + 30'000);
  const auto after = encode_chunk_list(list, sha());
  std::size_t fresh = 0;
  for (const auto& piece : after.sub_lists.chunks)
    fresh += std::count(before.sub_lists.chunks.begin(), before.sub_lists.chunks.end(), piece) == 0;
  EXPECT_GT(after.sub_lists.chunks.size(), 20u);
  EXPECT_LE(fresh, 3u);
}

TEST(chunk_list, wrong_parts_are_refused) {
  const auto encoded = encode_chunk_list(synthetic_list(8'000), sha());
  auto pieces = pieces_of(encoded);
  ASSERT_GT(pieces.size(), 1u);
  std::swap(pieces[0], pieces[1]);
  EXPECT_EQ(decode_chunk_list(encoded.content, encoded.top, pieces, sha()).error().code, errc::corrupt);
  pieces.pop_back();
  EXPECT_EQ(decode_chunk_list(encoded.content, encoded.top, pieces, sha()).error().code, errc::corrupt);
}

TEST(chunk_list, every_flipped_byte_and_cut_length_fails) {
  const auto encoded = encode_chunk_list(chunk_bytes(random_bytes(500'000, 1), sha()), sha());
  for (std::size_t at = 0; at < encoded.top.size(); ++at) {
    auto bad = encoded.top;
    bad[at] ^= std::byte{0x55};
    EXPECT_FALSE(decode_chunk_list(encoded.content, bad, {}, sha()));
    (void)decode_top_list(bad);  // a flipped digest is another list; it must not crash
    EXPECT_FALSE(decode_top_list(byte_span(encoded.top).first(at)));
  }
}

TEST(chunk_list, impossible_lists_are_refused) {
  const auto code = [](const chunk_list& list) { return check_chunk_list(list).error().code; };
  const auto id = sha().sha256({});
  EXPECT_EQ(code({{{id, 0}}}), errc::corrupt);
  EXPECT_EQ(code({{{id, 262'145}}}), errc::corrupt);
  EXPECT_EQ(code({{{id, 20'000}, {id, 20'000}}}), errc::corrupt);
  EXPECT_EQ(code({{{id, 16'384}, {id, 200'000}}}), errc::corrupt);
  EXPECT_TRUE(check_chunk_list({{{id, 200'000}, {id, 1}}}));
}

TEST(chunk_list, the_only_chunk_tells_the_name) {
  const auto bytes = random_bytes(1000, 4);
  const auto list = chunk_bytes(bytes, sha());
  EXPECT_EQ(content_of(list.chunks[0], sha()), content_of(list, sha()));
}

}  // namespace
}  // namespace graphite
