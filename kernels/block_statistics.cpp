#include "kernels/block_statistics.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/block_statistics.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include <algorithm>

#include "kernels/simd_target.hpp"

HWY_BEFORE_NAMESPACE();
namespace graphite::HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR

void block_statistics_of(const std::uint8_t* rgba, std::size_t width, std::size_t height,
                         std::span<block_statistics> out) {
  scalar::block_statistics_of(rgba, width, height, out);
}

#else

namespace hn = hwy::HWY_NAMESPACE;
// A row of a block is 16 bytes. Two blocks at once: of four the results would have to be sorted.
using pixel_bytes = hn::CappedTag<std::uint8_t, 32>;
using pixel_halves = hn::Repartition<std::int16_t, pixel_bytes>;
using pixel_words = hn::Repartition<std::int32_t, pixel_bytes>;
using pixel_pairs = hn::Repartition<std::uint64_t, pixel_bytes>;
using pixel_vec = hn::Vec<pixel_bytes>;

static_assert(sizeof(block_statistics) == 32);

constexpr std::size_t row_bytes = 4 * block_side;

/// The same 16 numbers for every 16 bytes of a vector.
HWY_INLINE pixel_vec by_block(const std::uint8_t (&order)[16]) {
  return hn::LoadDup128(pixel_bytes(), order);
}

/// What combines the four pixels of each block of `rows` in each of them.
template <typename Combine>
HWY_INLINE pixel_vec across_pixels(pixel_vec rows, Combine combine) {
  const auto turned = [&](auto how) {
    return hn::BitCast(pixel_bytes(), how(hn::BitCast(pixel_words(), rows)));
  };
  rows = combine(rows, turned([](auto v) { return hn::Shuffle1032(v); }));
  return combine(rows, turned([](auto v) { return hn::Shuffle2301(v); }));
}

/// The first two halves of block_statistics, of 8 bytes each, and the last one, of 16.
struct summed {
  pixel_vec first;
  hn::Vec<pixel_words> squares;
};

HWY_INLINE summed sum_up(const std::uint8_t* rgba, std::size_t stride) {
  const pixel_bytes d;
  const pixel_halves d16;
  const pixel_words d32;
  // Two pixels' reds, greens, blues and alphas, then the other two's.
  static constexpr std::uint8_t by_channel[16] = {0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15};
  // The lower half of each word goes to the end of the block.
  static constexpr std::uint8_t lower_halves[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 4, 5, 8, 9, 12, 13};
  const auto zero = hn::Zero(d);
  auto least = hn::LoadU(d, rgba), most = least;
  auto sums = hn::Zero(d16);
  auto squares = hn::Zero(d32), more = squares;
  for (std::size_t y = 0; y < block_side; ++y) {
    const auto row = hn::LoadU(d, rgba + y * stride);
    least = hn::Min(least, row);
    most = hn::Max(most, row);
    const auto sorted = hn::TableLookupBytes(row, by_block(by_channel));
    const auto lower = hn::BitCast(d16, hn::InterleaveLower(d, sorted, zero));
    const auto upper = hn::BitCast(d16, hn::InterleaveUpper(d, sorted, zero));
    sums = hn::Add(sums, hn::Add(lower, upper));
    squares = hn::ReorderWidenMulAccumulate(d32, lower, lower, squares, more);
    squares = hn::ReorderWidenMulAccumulate(d32, upper, upper, squares, more);
  }
  least = across_pixels(least, [](auto a, auto b) { return hn::Min(a, b); });
  most = across_pixels(most, [](auto a, auto b) { return hn::Max(a, b); });
  const auto pair_sums = hn::Add(hn::BitCast(d32, sums), hn::ShiftRight<16>(hn::BitCast(d32, sums)));
  const auto bounds = hn::OddEven(hn::BitCast(d32, most), hn::BitCast(d32, least));
  const auto at_end = hn::TableLookupBytes(hn::BitCast(d, pair_sums), by_block(lower_halves));
  const pixel_pairs d64;
  return {hn::BitCast(d, hn::OddEven(hn::BitCast(d64, at_end), hn::BitCast(d64, bounds))),
          hn::RearrangeToOddPlusEven(squares, more)};
}

HWY_INLINE void store(const summed& what, block_statistics* out) {
  const pixel_bytes d;
  auto* to = reinterpret_cast<std::uint8_t*>(out);
  const auto squares = hn::BitCast(d, what.squares);
  if (hn::Lanes(d) == row_bytes) {
    hn::StoreU(what.first, d, to);
    hn::StoreU(squares, d, to + row_bytes);
  } else {
    hn::StoreU(hn::ConcatLowerLower(d, squares, what.first), d, to);
    hn::StoreU(hn::ConcatUpperUpper(d, squares, what.first), d, to + 2 * row_bytes);
  }
}

void block_statistics_of(const std::uint8_t* rgba, std::size_t width, std::size_t height,
                         std::span<block_statistics> out) {
  const auto at_once = hn::Lanes(pixel_bytes()) / row_bytes;
  const auto stride = 4 * width;
  auto* to = out.data();
  for (std::size_t y = 0; y < height; y += block_side) {
    const auto rows = std::min(block_side, height - y);
    const auto* from = rgba + stride * y;
    std::size_t x = 0;
    if (rows == block_side)
      for (; x + at_once * block_side <= width; x += at_once * block_side, to += at_once)
        store(sum_up(from + 4 * x, stride), to);
    for (; x < width; x += block_side)
      *to++ = scalar::one_block(from + 4 * x, stride, std::min(block_side, width - x), rows);
  }
}

#endif

}  // namespace graphite::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace graphite {

HWY_EXPORT(block_statistics_of);

void block_statistics_of(const std::uint8_t* rgba, std::size_t width, std::size_t height,
                         std::span<block_statistics> out) {
  if (simd_is_scalar()) return scalar::block_statistics_of(rgba, width, height, out);
  HWY_DYNAMIC_DISPATCH(block_statistics_of)(rgba, width, height, out);
}

}  // namespace graphite
#endif
