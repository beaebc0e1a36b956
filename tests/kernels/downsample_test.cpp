#include "kernels/downsample.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "kernels/simd_target.hpp"
#include "tests/kernels/guarded_bytes.hpp"

namespace graphite {
namespace {

using row = std::vector<float>;

/// Values of all kinds, with some that are outside 0 … 1.
row some_row(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  row out(count);
  for (auto& value : out) value = static_cast<float>(random() % 100'003) / 90'001.0f - 0.05f;
  return out;
}

bool same_bits(const row& a, const row& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

constexpr std::size_t counts[] = {0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 33, 64, 101};

/// Every instruction set of this machine.
class downsample : public testing::TestWithParam<std::string_view> {
 protected:
  void SetUp() override { ASSERT_TRUE(force_simd_target(GetParam())); }
  void TearDown() override { release_simd_target(); }
};

TEST_P(downsample, average_2x2_has_the_bits_of_its_twin) {
  for (const auto count : counts) {
    const auto upper = some_row(2 * count, 1), lower = some_row(2 * count, 2);
    row fast(count), plain(count);
    average_2x2(upper.data(), lower.data(), fast.data(), count);
    scalar::average_2x2(upper.data(), lower.data(), plain.data(), count);
    EXPECT_TRUE(same_bits(fast, plain)) << count;
  }
}

TEST_P(downsample, weighed_rows_and_halved_ones_have_the_bits_of_their_twins) {
  for (const auto count : counts)
    for (const std::size_t taps : {1u, 2u, 3u, 12u}) {
      const auto weights = some_row(taps, 3);
      std::vector<row> rows;
      std::vector<const float*> pointers;
      for (std::size_t k = 0; k < taps; ++k) rows.push_back(some_row(count, static_cast<unsigned>(k)));
      for (const auto& one : rows) pointers.push_back(one.data());
      row fast(count), plain(count);
      weigh_rows(pointers, weights.data(), fast.data(), count);
      scalar::weigh_rows(pointers, weights.data(), plain.data(), count);
      EXPECT_TRUE(same_bits(fast, plain)) << count << ' ' << taps;
      const auto in = some_row(2 * count + taps + 1, 4);
      halve_row(in.data(), weights, fast.data(), count);
      scalar::halve_row(in.data(), weights, plain.data(), count);
      EXPECT_TRUE(same_bits(fast, plain)) << count << ' ' << taps;
    }
}

TEST_P(downsample, products_quotients_and_unit_vectors_have_the_bits_of_their_twins) {
  for (const auto count : counts) {
    auto x = some_row(count, 5), y = some_row(count, 6), z = some_row(count, 7);
    if (count > 3) x[3] = y[3] = z[3] = 0;
    auto a = x, b = y, c = z;
    multiply_row(x.data(), y.data(), count);
    scalar::multiply_row(a.data(), b.data(), count);
    EXPECT_TRUE(same_bits(x, a)) << count;
    divide_row(x.data(), y.data(), 0.25f, count);
    scalar::divide_row(a.data(), b.data(), 0.25f, count);
    EXPECT_TRUE(same_bits(x, a)) << count;
    normalize_rows(x.data(), y.data(), z.data(), count);
    scalar::normalize_rows(a.data(), b.data(), c.data(), count);
    EXPECT_TRUE(same_bits(x, a) && same_bits(y, b) && same_bits(z, c)) << count;
  }
}

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

TEST_P(downsample, pixels_are_unpacked_to_the_bits_of_the_twin) {
  std::mt19937 random(10);
  std::vector<std::uint8_t> pixels(4 * 1031);
  for (auto& one : pixels) one = static_cast<std::uint8_t>(random());
  const auto table = some_table();
  auto readers = readers_of(table);
  for (int turn = 0; turn < 4; ++turn) {
    std::rotate(readers.begin(), readers.begin() + 1, readers.end());
    for (const auto count : counts)
      for (std::size_t channels = 0; channels <= 4; ++channels)
        for (const std::size_t from : {0u, 3u}) {
          const auto some = std::span(readers).first(channels);
          EXPECT_TRUE(same_bits(unpacked(pixels.data() + from, some, count, false),
                                unpacked(pixels.data() + from, some, count, true)))
              << count << ' ' << channels;
        }
  }
}

TEST_P(downsample, every_code_is_its_entry_or_the_nearest_float_to_its_fraction) {
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

TEST_P(downsample, pixels_are_packed_as_by_the_twin_and_unpack_to_what_they_were) {
  std::vector<std::uint8_t> squares(1001);
  for (std::size_t i = 0; i < squares.size(); ++i) squares[i] = static_cast<std::uint8_t>(i * i % 251);
  const code_quantizer by_table{1000, squares.data()};
  const code_quantizer quantizers[] = {by_table, {}, by_table, {}};
  for (const auto count : counts)
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

TEST_P(downsample, nothing_outside_the_pixels_is_read_or_written) {
  test::guarded_bytes memory(4096);
  const auto table = some_table();
  const auto readers = readers_of(table);
  for (const auto count : counts) {
    auto* const pixels = reinterpret_cast<std::uint8_t*>(memory.last(4 * count).data());
    const auto values = unpacked(pixels, readers, count, false);
    EXPECT_EQ(std::count(values.begin(), values.end(), table[0]), static_cast<std::ptrdiff_t>(count));
    const float* const rows[] = {values.data(), values.data(), values.data()};
    pack_pixels(rows, std::vector<code_quantizer>(3), pixels, count);
    std::fill_n(pixels, 4 * count, std::uint8_t{0});
  }
}

INSTANTIATE_TEST_SUITE_P(every, downsample, testing::ValuesIn(simd_targets()),
                         [](const auto& info) { return std::string(info.param); });

TEST(downsample_values, are_those_that_the_header_states) {
  const row upper{1, 2, 3, 4}, lower{5, 6, 7, 12};
  row out(2);
  average_2x2(upper.data(), lower.data(), out.data(), 2);
  EXPECT_EQ(out, (row{3.5f, 6.5f}));
  row x{0, 3}, y{0, 0}, z{0, 4};
  normalize_rows(x.data(), y.data(), z.data(), 2);
  EXPECT_EQ(z[0], 1.0f);
  EXPECT_NEAR(x[1], 0.8f, 1e-6);
  EXPECT_NEAR(z[1], 0.9f, 1e-6);
  std::vector<std::uint8_t> codes(12);
  const row values{-1, 0.5f, 2};
  const float* const one_row[] = {values.data()};
  pack_pixels(one_row, std::vector<code_quantizer>(1), codes.data(), 3);
  EXPECT_EQ(codes[0], 0);
  EXPECT_EQ(codes[4], 128);
  EXPECT_EQ(codes[8], 255);
}

TEST(simd_target, unknown_names_are_refused_and_the_best_is_back_afterwards) {
  EXPECT_EQ(force_simd_target("mmx").error().code, errc::invalid_argument);
  ASSERT_TRUE(force_simd_target("scalar"));
  EXPECT_TRUE(simd_is_scalar());
  release_simd_target();
  EXPECT_FALSE(simd_is_scalar());
  EXPECT_EQ(simd_targets().front(), "scalar");
}

}  // namespace
}  // namespace graphite
