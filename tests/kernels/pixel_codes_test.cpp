#include "kernels/pixel_codes.hpp"

#include <algorithm>
#include <array>

#include "kernels/downsample.hpp"
#include "tests/kernels/every_target.hpp"
#include "tests/kernels/guarded_bytes.hpp"
#include "tests/kernels/rows.hpp"

namespace graphite {
namespace {

using test::row;
using test::same_bits;
using test::some_row;

constexpr std::size_t pixel_counts[] = {0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 33, 64, 101, 128, 129, 300};

class pixel_codes : public test::every_target {};

/// Of every kind: a table, codes as they are, and weights and vectors as mip chains read them.
std::vector<code_reader> readers_of(const code_table& table) {
  return {{&table}, {}, {nullptr, 1023, 255, 255 * 1024}, {nullptr, 2, -255, 255}};
}

code_table some_table() {
  const auto values = some_row(256, 9);
  code_table out;
  std::copy(values.begin(), values.end(), out.begin());
  return out;
}

/// All channels of `count` pixels, one after the other.
row unpacked(const std::uint8_t* rgba, std::span<const code_reader> readers, std::size_t count, bool plain) {
  row out(4 * count, -7.0f);
  float* const rows[] = {out.data(), out.data() + count, out.data() + 2 * count, out.data() + 3 * count};
  (plain ? scalar::unpack_pixels : unpack_pixels)(rgba, readers, rows, count);
  return out;
}

TEST_P(pixel_codes, pixels_are_unpacked_to_the_bits_of_the_twin) {
  std::mt19937 random(10);
  std::vector<std::uint8_t> pixels(4 * 1031);
  for (auto& one : pixels) one = static_cast<std::uint8_t>(random());
  const auto table = some_table();
  auto readers = readers_of(table);
  for (int turn = 0; turn < 4; ++turn) {
    std::rotate(readers.begin(), readers.begin() + 1, readers.end());
    for (const auto count : pixel_counts)
      for (std::size_t channels = 0; channels <= 4; ++channels)
        for (const std::size_t from : {0u, 3u}) {
          const auto some = std::span(readers).first(channels);
          EXPECT_TRUE(same_bits(unpacked(pixels.data() + from, some, count, false),
                                unpacked(pixels.data() + from, some, count, true)))
              << count << ' ' << channels;
        }
  }
}

TEST_P(pixel_codes, pixels_are_averaged_to_the_bits_of_both_steps) {
  std::mt19937 random(12);
  std::vector<std::uint8_t> upper(8 * 331), lower(8 * 331);
  for (auto& one : upper) one = static_cast<std::uint8_t>(random());
  for (auto& one : lower) one = static_cast<std::uint8_t>(random());
  const auto table = some_table();
  auto readers = readers_of(table);
  for (int turn = 0; turn < 4; ++turn) {
    std::rotate(readers.begin(), readers.begin() + 1, readers.end());
    for (const std::size_t count : {0u, 1u, 4u, 15u, 16u, 33u, 127u, 128u, 129u, 330u}) {
      const auto above = unpacked(upper.data() + 4, readers, 2 * count, true);
      const auto below = unpacked(lower.data() + 4, readers, 2 * count, true);
      row both(4 * count), fast(4 * count), plain(4 * count);
      for (std::size_t c = 0; c < 4; ++c)
        scalar::average_2x2(above.data() + 2 * count * c, below.data() + 2 * count * c,
                            both.data() + count * c, count);
      const auto rows_of = [&](row& out) {
        return std::array{out.data(), out.data() + count, out.data() + 2 * count, out.data() + 3 * count};
      };
      average_pixels(upper.data() + 4, lower.data() + 4, readers, rows_of(fast).data(), count);
      scalar::average_pixels(upper.data() + 4, lower.data() + 4, readers, rows_of(plain).data(), count);
      EXPECT_TRUE(same_bits(fast, both)) << count;
      EXPECT_TRUE(same_bits(plain, both)) << count;
    }
  }
}

TEST_P(pixel_codes, every_code_is_its_entry_or_the_nearest_float_to_its_fraction) {
  std::vector<std::uint8_t> pixels;
  for (int code = 0; code < 256; ++code) pixels.insert(pixels.end(), 4, static_cast<std::uint8_t>(code));
  const auto table = some_table();
  const auto made = unpacked(pixels.data(), readers_of(table), 256, false);
  for (std::size_t code = 0; code < 256; ++code) {
    const auto exact = static_cast<double>(code);
    ASSERT_EQ(made[code], table[code]);
    ASSERT_EQ(made[256 + code], static_cast<float>(exact * (1.0 / 255)));
    ASSERT_EQ(made[512 + code], static_cast<float>(exact * ((1.0 - 1.0 / 1024) / 255) + 1.0 / 1024));
    ASSERT_EQ(made[768 + code], static_cast<float>(exact * (2.0 / 255) - 1));
  }
}

TEST_P(pixel_codes, pixels_are_packed_as_by_the_twin_and_unpack_to_what_they_were) {
  std::vector<std::uint8_t> squares(1001);
  for (std::size_t i = 0; i < squares.size(); ++i) squares[i] = static_cast<std::uint8_t>(i * i % 251);
  const code_quantizer by_table{1000, squares.data()};
  const code_quantizer quantizers[] = {by_table, {}, by_table, {}};
  for (const auto count : pixel_counts)
    for (std::size_t first = 0; first < 2; ++first)
      for (std::size_t channels = 0; channels + first <= 4; ++channels) {
        const auto how = std::span(quantizers).subspan(first, channels);
        const row values[] = {some_row(count, 8), some_row(count, 9), some_row(count, 10),
                              some_row(count, 11)};
        const float* const rows[] = {values[0].data(), values[1].data(), values[2].data(), values[3].data()};
        std::vector<std::uint8_t> fast(4 * count, 77), plain(4 * count, 77);
        pack_pixels(rows, how, fast.data(), count);
        scalar::pack_pixels(rows, how, plain.data(), count);
        EXPECT_EQ(fast, plain) << count << ' ' << channels;
        const std::vector<code_reader> readers(4);
        const auto back = unpacked(fast.data(), readers, count, false);
        const float* const again[] = {back.data(), back.data() + count, back.data() + 2 * count,
                                      back.data() + 3 * count};
        std::vector<std::uint8_t> once_more(4 * count);
        pack_pixels(again, std::vector<code_quantizer>(4), once_more.data(), count);
        EXPECT_EQ(once_more, fast) << count;
      }
}

TEST_P(pixel_codes, nothing_outside_the_pixels_is_read_or_written) {
  test::guarded_bytes memory(4096);
  const auto table = some_table();
  const auto readers = readers_of(table);
  for (const auto count : pixel_counts) {
    auto* const pixels = reinterpret_cast<std::uint8_t*>(memory.last(4 * count).data());
    const auto values = unpacked(pixels, readers, count, false);
    EXPECT_EQ(std::count(values.begin(), values.end(), table[0]), static_cast<std::ptrdiff_t>(count));
    row means(4 * count);
    float* const to[] = {means.data(), means.data() + count / 2, means.data() + count,
                         means.data() + count / 2 * 3};
    average_pixels(pixels, pixels, readers, to, count / 2);
    const float* const rows[] = {values.data(), values.data(), values.data()};
    pack_pixels(rows, std::vector<code_quantizer>(3), pixels, count);
    std::fill_n(pixels, 4 * count, std::uint8_t{0});
  }
}

TEST_P(pixel_codes, values_are_clamped_and_rounded) {
  std::vector<std::uint8_t> codes(12);
  const row values{-1, 0.5f, 2};
  const float* const one_row[] = {values.data()};
  pack_pixels(one_row, std::vector<code_quantizer>(1), codes.data(), 3);
  EXPECT_EQ(codes[0], 0);
  EXPECT_EQ(codes[4], 128);
  EXPECT_EQ(codes[8], 255);
}

INSTANTIATE_TEST_SUITE_P(every, pixel_codes, testing::ValuesIn(simd_targets()), test::name_of_target);

}  // namespace
}  // namespace graphite
