#include "kernels/pixel_codes.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <limits>

#include "kernels/downsample.hpp"
#include "tests/kernels/every_target.hpp"
#include "tests/kernels/guarded_bytes.hpp"
#include "tests/kernels/random_rows.hpp"
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

/// Four readers within what the header asks of them, by a table or as fractions.
std::vector<code_reader> random_readers(test::random_rows& random, const code_table& table) {
  std::vector<code_reader> out(4);
  for (auto& one : out) {
    if (random.below(3) == 0) one.table = &table;
    if (random.below(2) == 0) continue;
    one.scale = static_cast<float>(1 + random.below(60'000));
    one.offset = static_cast<float>(random.below(1'000'000)) - 500'000.0f;
    one.divisor = 255.0f * static_cast<float>(1u << random.below(16));
  }
  return out;
}

/// A row for each channel, each anywhere.
struct placed_rows {
  placed_rows(test::random_rows& random, std::size_t count) {
    for (auto& one : rows) one = random.row(count);
  }
  std::array<float*, 4> data() { return {rows[0].data(), rows[1].data(), rows[2].data(), rows[3].data()}; }
  bool same(const placed_rows& other) const {
    return std::equal(rows.begin(), rows.end(), other.rows.begin(),
                      [](const auto& a, const auto& b) { return test::same_numbers(a.all, b.all); });
  }
  std::array<test::placed<float>, 4> rows;
};

TEST_P(pixel_codes, random_pixels_are_read_as_by_the_twin) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    test::random_rows random(seed);
    const auto count = random.count(), channels = random.below(5);
    code_table table;
    for (auto& one : table) one = random.value();
    const auto readers = random_readers(random, table);
    const auto some = std::span(readers).first(channels);
    const auto upper = random.bytes(8 * count), lower = random.bytes(8 * count);
    placed_rows fast(random, count), plain = fast;
    unpack_pixels(upper.data(), some, fast.data().data(), count);
    scalar::unpack_pixels(upper.data(), some, plain.data().data(), count);
    ASSERT_TRUE(fast.same(plain)) << "seed " << seed << ": " << count << ' ' << channels;
    average_pixels(upper.data(), lower.data(), some, fast.data().data(), count);
    scalar::average_pixels(upper.data(), lower.data(), some, plain.data().data(), count);
    ASSERT_TRUE(fast.same(plain)) << "seed " << seed << ": " << count << ' ' << channels;
  }
}

TEST_P(pixel_codes, random_rows_are_packed_as_by_the_twin) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    test::random_rows random(seed);
    const auto count = random.count(), channels = random.below(5);
    std::vector<std::uint8_t> table(1 + random.below(5000));
    for (auto& one : table) one = static_cast<std::uint8_t>(random.below(256));
    std::vector<code_quantizer> quantizers(channels);
    for (auto& one : quantizers)
      if (random.below(2) == 0)
        one = {static_cast<float>(table.size() - 1), table.data()};
      else
        one.scale = static_cast<float>(random.below(256));
    placed_rows rows(random, count);
    auto fast = random.bytes(4 * count), plain = fast;
    pack_pixels(rows.data().data(), quantizers, fast.data(), count);
    scalar::pack_pixels(rows.data().data(), quantizers, plain.data(), count);
    ASSERT_EQ(fast.all, plain.all) << "seed " << seed << ": " << count << ' ' << channels;
  }
}

TEST_P(pixel_codes, nothing_outside_the_pixels_is_read_or_written) {
  test::guarded_bytes pixel_memory(4096);
  std::deque<test::guarded_bytes> row_memory;
  for (int c = 0; c < 4; ++c) row_memory.emplace_back(4096);
  const auto table = some_table();
  const auto readers = readers_of(table);
  for (const auto count : pixel_counts)
    for (const bool at_end : {false, true}) {
      const auto bytes = at_end ? pixel_memory.last(4 * count) : pixel_memory.first(4 * count);
      auto* const pixels = reinterpret_cast<std::uint8_t*>(bytes.data());
      const auto rows_of = [&](std::size_t length) {
        std::array<float*, 4> rows;
        for (std::size_t c = 0; c < 4; ++c) rows[c] = test::floats_at(row_memory[c], length, at_end);
        return rows;
      };
      average_pixels(pixels, pixels, readers, rows_of(count / 2).data(), count / 2);
      const auto rows = rows_of(count);
      unpack_pixels(pixels, readers, rows.data(), count);
      EXPECT_EQ(row(rows[0], rows[0] + count), row(count, table[0]));
      pack_pixels(rows.data(), std::vector<code_quantizer>(4), pixels, count);
      std::fill_n(pixels, 4 * count, std::uint8_t{0});
    }
}

TEST_P(pixel_codes, values_are_clamped_and_rounded) {
  constexpr auto limit = std::numeric_limits<float>::infinity();
  const row pattern{-1, 0.5f, 2, limit, -limit, std::numeric_limits<float>::quiet_NaN(), 1, -0.0f};
  row values;
  for (int times = 0; times < 5; ++times) values.insert(values.end(), pattern.begin(), pattern.end());
  std::vector<std::uint8_t> codes(4 * values.size());
  const float* const one_row[] = {values.data()};
  pack_pixels(one_row, std::vector<code_quantizer>(1), codes.data(), values.size());
  constexpr std::uint8_t expected[] = {0, 128, 255, 255, 0, 0, 255, 0};
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(codes[4 * i], expected[i % 8]) << i;
}

INSTANTIATE_TEST_SUITE_P(every, pixel_codes, testing::ValuesIn(simd_targets()), test::name_of_target);

}  // namespace
}  // namespace graphite
