#include "kernels/byte_compare.hpp"

#include "tests/kernels/every_target.hpp"
#include "tests/kernels/guarded_bytes.hpp"

namespace graphite {
namespace {

using test::kernel_bytes;
using bit_map = std::vector<std::uint64_t>;

class byte_compare : public test::every_target {};

TEST_P(byte_compare, a_single_difference_at_every_place_ends_the_prefix_and_the_suffix) {
  for (const std::size_t size : {1u, 2u, 15u, 16u, 17u, 63u, 64u, 65u, 128u, 200u, 321u}) {
    const auto left = kernel_bytes(size, size);
    auto right = left;
    EXPECT_EQ(equal_prefix(left, right), size);
    EXPECT_EQ(equal_suffix(left, right), size);
    for (std::size_t at = 0; at < size; ++at) {
      right[at] ^= std::byte{1};
      ASSERT_EQ(equal_prefix(left, right), at) << size;
      ASSERT_EQ(equal_suffix(left, right), size - 1 - at) << size;
      right[at] = left[at];
    }
  }
}

TEST_P(byte_compare, empty_ranges_and_those_of_two_lengths_end_with_the_shorter_one) {
  const auto bytes = kernel_bytes(500, 1);
  const byte_span whole = bytes;
  EXPECT_EQ(equal_prefix({}, whole), 0u);
  EXPECT_EQ(equal_suffix(whole, {}), 0u);
  EXPECT_EQ(equal_prefix(whole.first(300), whole), 300u);
  EXPECT_EQ(equal_suffix(whole, whole.last(201)), 201u);
  EXPECT_EQ(differing_blocks({}, {}, {}), 0u);
}

TEST_P(byte_compare, random_ranges_are_those_of_the_twin) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 300; ++round) {
    const std::size_t size = random() % 20'000, from = random() % 70;
    const auto left = kernel_bytes(size + from, random());
    auto right = left;
    for (auto changes = random() % 6; changes > 0 && size > 0; --changes)
      right[from + random() % size] = static_cast<std::byte>(random());
    const auto a = byte_span(left).subspan(from), b = byte_span(right).subspan(from);
    ASSERT_EQ(equal_prefix(a, b), scalar::equal_prefix(a, b)) << size;
    ASSERT_EQ(equal_suffix(a, b), scalar::equal_suffix(a, b)) << size;
    bit_map fast(block_map_words(size), ~0ull), plain(block_map_words(size), 5);
    ASSERT_EQ(differing_blocks(a, b, fast), scalar::differing_blocks(a, b, plain)) << size;
    ASSERT_EQ(fast, plain) << size;
  }
}

TEST_P(byte_compare, the_map_names_the_blocks_that_differ) {
  std::vector<std::byte> left(64 * 70 + 3), right = left;
  right[0] = right[64 * 63 + 63] = right[64 * 64] = right.back() = std::byte{1};
  bit_map map(block_map_words(left.size()));
  ASSERT_EQ(map.size(), 2u);
  EXPECT_EQ(differing_blocks(left, right, map), 4u);
  EXPECT_EQ(map, (bit_map{1ull << 63 | 1, 1ull << 6 | 1}));
}

TEST_P(byte_compare, nothing_outside_the_ranges_is_read) {
  test::guarded_bytes left(8192), right(8192);
  bit_map map(2);
  for (std::size_t size = 0; size <= 4200; size += size < 260 ? 1 : 61)
    for (const bool at_end : {false, true}) {
      const auto a = at_end ? left.last(size) : left.first(size);
      const auto b = at_end ? right.last(size) : right.first(size);
      ASSERT_EQ(equal_prefix(a, b), size);
      ASSERT_EQ(equal_suffix(a, b), size);
      ASSERT_EQ(differing_blocks(a, b, std::span(map).first(block_map_words(size))), 0u);
    }
}

INSTANTIATE_TEST_SUITE_P(every, byte_compare, testing::ValuesIn(simd_targets()), test::name_of_target);

}  // namespace
}  // namespace graphite
