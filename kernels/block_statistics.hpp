#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace graphite {

/// \file What the blocks of a picture hold, 4 × 4 pixels each: by that compressors choose, and see what is
/// constant or opaque.
///
/// Vectorised by Google Highway (kernels/simd_target.hpp); the namespace `scalar` has the plain definition.
/// Integers: the same on every target. Pure, thread-safe.

inline constexpr std::size_t block_side = 4;

/// Of one block, by channel. Blocks at the right and lower edge count only the pixels that are there.
struct block_statistics {
  std::array<std::uint8_t, 4> least, most;
  std::array<std::uint16_t, 4> sum;
  std::array<std::uint32_t, 4> sum_of_squares;

  bool operator==(const block_statistics&) const = default;
};

/// Blocks that a side of so many pixels has.
constexpr std::size_t blocks_along(std::size_t pixels) { return (pixels + block_side - 1) / block_side; }

/// Of all blocks, row by row from the top; `out` has blocks_along(width) · blocks_along(height) places.
/// `rgba`: pixels of four bytes, rows without gaps.
void block_statistics_of(const std::uint8_t* rgba, std::size_t width, std::size_t height,
                         std::span<block_statistics> out);

namespace scalar {
void block_statistics_of(const std::uint8_t* rgba, std::size_t width, std::size_t height,
                         std::span<block_statistics> out);

/// Of one block, `columns` × `rows` pixels from `rgba` on, whose next row is `stride` bytes further.
block_statistics one_block(const std::uint8_t* rgba, std::size_t stride, std::size_t columns,
                           std::size_t rows);
}  // namespace scalar

}  // namespace graphite
