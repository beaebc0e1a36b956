#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace graphite {

/// \file Between the bytes of RGBA8 pixels and rows of one channel in float: where mip chains begin and end.
///
/// As kernels/downsample.hpp: the same bits on every target, and those of the namespace `scalar`. Rows need
/// no alignment; `count` may be zero. Pure, thread-safe.

/// What each of the 256 codes of one channel stands for.
using code_table = std::array<float, 256>;

/// How the codes of one channel are read: as a table says, or without one as (code · scale + offset) /
/// divisor, in one rounding. All are whole numbers, the numerator below 2^24, the divisor 255 · 2^k.
struct code_reader {
  const code_table* table = nullptr;
  float scale = 1, offset = 0, divisor = 255;
};

/// A quantizer's table of 16,384 entries in the bytes that vectors of AVX-512 look up. Bucket b has the
/// entries from 8 b on, or bucket 256 + b those from 64 b on where these are 2,048 or later.
struct code_steps {
  static constexpr std::size_t entries = 16'384;
  static constexpr int fine_end = 2'048, fine_shift = 3, coarse_shift = 6;

  std::array<std::uint8_t, 512> first;  ///< the code at the bucket's begin
  /// Where in the bucket the code grows by one, and where once more; 255: not there.
  std::array<std::uint8_t, 512> step_1, step_2;
};

/// Nothing where the table has another size, falls, grows by more than one at once, or more than twice in a
/// bucket. Linear in the table.
std::optional<code_steps> steps_of(std::span<const std::uint8_t> table);

/// What a value in 0 … 1 is stored as: table[trunc(value * scale + 0.5)], or that number itself without one.
struct code_quantizer {
  float scale = 255;                    ///< the last index
  const std::uint8_t* table = nullptr;  ///< scale + 1 entries; null: the index is the code, scale ≤ 255
  const code_steps* steps = nullptr;    ///< those of `table`, if it has some: then the same codes come sooner
};

/// rows[c][i] = what byte c of pixel i stands for, for each of the readers' channels, four at most.
void unpack_pixels(const std::uint8_t* rgba, std::span<const code_reader> channels, float* const* rows,
                   std::size_t count);

/// rows[c][i] = what unpack_pixels and average_2x2 make of two rows of 2 count pixels, in one step.
void average_pixels(const std::uint8_t* upper, const std::uint8_t* lower,
                    std::span<const code_reader> channels, float* const* rows, std::size_t count);

/// Byte c of pixel i = code of rows[c][i], clamped to 0 … 1 (NaN: 0), for each of the quantizers' channels,
/// four at most; other bytes stay.
void pack_pixels(const float* const* rows, std::span<const code_quantizer> channels, std::uint8_t* rgba,
                 std::size_t count);

namespace scalar {
void unpack_pixels(const std::uint8_t* rgba, std::span<const code_reader> channels, float* const* rows,
                   std::size_t count);
void average_pixels(const std::uint8_t* upper, const std::uint8_t* lower,
                    std::span<const code_reader> channels, float* const* rows, std::size_t count);
void pack_pixels(const float* const* rows, std::span<const code_quantizer> channels, std::uint8_t* rgba,
                 std::size_t count);
}  // namespace scalar

}  // namespace graphite
