#include "bundle/chunker.hpp"

#include <gtest/gtest.h>

#include "kernels/gear_scan.hpp"
#include "tests/bundle/support.hpp"

namespace graphite {
namespace {

using test::random_bytes;
using test::sha;

/// Incompressible, constant and repetitive bytes in turn.
byte_vector mixed_bytes(std::size_t size, std::uint64_t seed) {
  auto out = random_bytes(size, seed);
  for (std::size_t at = 0; at < size; ++at) {
    const auto zone = (at / 100'000) % 3;
    if (zone == 1) out[at] = std::byte{0};
    if (zone == 2) out[at] = static_cast<std::byte>(at % 251);
  }
  return out;
}

TEST(gear_scan, two_byte_steps_cut_like_single_ones) {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    const auto bytes = mixed_bytes(2'000'003 + seed, seed);
    std::size_t cuts = 0;
    for (byte_span rest = bytes; !rest.empty(); ++cuts) {
      const auto length = gear_cut(rest);
      ASSERT_EQ(length, gear_cut_scalar(rest)) << "seed " << seed << " cut " << cuts;
      rest = rest.subspan(length);
    }
    EXPECT_GT(cuts, 8u);
  }
}

TEST(gear_scan, every_length_near_the_limits_is_cut_alike) {
  const auto bytes = random_bytes(300'000, 99);
  for (std::size_t size : {0ul, 1ul, 16'383ul, 16'384ul, 16'385ul, 16'386ul, 65'535ul, 65'536ul, 65'537ul,
                           262'143ul, 262'144ul, 262'145ul})
    EXPECT_EQ(gear_cut(byte_span(bytes).first(size)), gear_cut_scalar(byte_span(bytes).first(size))) << size;
}

TEST(gear_scan, sizes_stay_in_range_and_near_the_normal_one) {
  const auto bytes = random_bytes(32 * MiB, 5);
  const auto list = chunk_bytes(bytes, sha());
  for (std::size_t i = 0; i + 1 < list.chunks.size(); ++i) {
    EXPECT_GT(list.chunks[i].size, chunk_bytes_min);
    EXPECT_LE(list.chunks[i].size, chunk_bytes_max);
  }
  const auto mean = bytes.size() / list.chunks.size();
  EXPECT_GT(mean, 48 * KiB);
  EXPECT_LT(mean, 96 * KiB);
}

// The cuts are part of the format: were they to move, no old bundle would share a chunk with a new one.
TEST(gear_scan, cuts_never_change) {
  std::vector<std::uint32_t> sizes;
  const auto bytes = random_bytes(400'000, 1);
  for (const auto& chunk : chunk_bytes(bytes, sha()).chunks) sizes.push_back(chunk.size);
  EXPECT_EQ(sizes, (std::vector<std::uint32_t>{49442, 78776, 39623, 78164, 108643, 45352}));
}

TEST(chunker, small_content_is_one_chunk) {
  EXPECT_TRUE(chunk_bytes({}, sha()).chunks.empty());
  for (std::size_t size : {1ul, 20'000ul, 65'536ul}) {
    const auto bytes = random_bytes(size, size);
    const auto list = chunk_bytes(bytes, sha());
    ASSERT_EQ(list.chunks.size(), 1u);
    EXPECT_EQ(list.chunks[0].id, sha().sha256(bytes));
  }
}

TEST(chunker, any_slicing_gives_the_same_chunks) {
  std::mt19937_64 random(7);
  for (std::size_t size : {0ul, 1ul, 65'536ul, 65'537ul, 262'144ul, 1'048'577ul, 5'000'000ul}) {
    const auto bytes = mixed_bytes(size, size);
    const auto whole = chunk_bytes(bytes, sha());
    for (std::size_t slice_max : {size + 1, 7'001ul, 300'000ul, 2'000'000ul}) {
      content_builder builder(sha());
      for (byte_span rest = bytes; !rest.empty();) {
        const auto slice = std::min<std::size_t>(rest.size(), 1 + random() % slice_max);
        builder.feed(rest.first(slice));
        rest = rest.subspan(slice);
      }
      EXPECT_EQ(builder.bytes_fed(), size);
      ASSERT_EQ(builder.finish(), whole) << size << " in slices up to " << slice_max;
    }
  }
}

TEST(chunker, several_contents_are_cut_like_each_alone) {
  std::vector<byte_vector> bytes;
  for (const std::size_t size : {0, 1, 65'536, 65'537, 9'000'000, 0, 400'000, 3'000})
    bytes.push_back(random_bytes(size, size));
  const std::vector<byte_span> contents(bytes.begin(), bytes.end());
  const auto lists = chunk_each(contents, sha());
  ASSERT_EQ(lists.size(), contents.size());
  for (std::size_t i = 0; i < contents.size(); ++i) {
    content_builder alone(sha());
    alone.feed(contents[i]);
    EXPECT_TRUE(lists[i] == alone.finish()) << i;
  }
}

TEST(chunker, one_insertion_leaves_most_chunks) {
  auto bytes = random_bytes(8 * MiB, 3);
  const auto before = chunk_bytes(bytes, sha());
  bytes.insert(bytes.begin() + 3'000'000, std::byte{42});
  const auto after = chunk_bytes(bytes, sha());
  std::size_t fresh = 0;
  for (const auto& chunk : after.chunks)
    if (std::find(before.chunks.begin(), before.chunks.end(), chunk) == before.chunks.end()) ++fresh;
  EXPECT_LE(fresh, 3u);
}

}  // namespace
}  // namespace graphite
