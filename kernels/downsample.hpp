#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace graphite {

/// \file The loops of mip chains, over rows of one channel in float.
///
/// Vectorised by Google Highway for the instruction set found at run time (kernels/simd_target.hpp). Each
/// operation is one IEEE rounding in a stated order, without fused multiply-add: the results are the same
/// bits on every target, and those of the namespace `scalar`, the plain definitions. Pure, thread-safe.
/// Rows need no alignment; `count` may be zero.

/// What each of the 256 codes of one channel stands for.
using code_table = std::array<float, 256>;

/// How the codes of one channel are read: as a table says, or without one as (code · scale + offset) /
/// divisor, of which numerator and divisor are whole numbers below 2^24: one rounding.
struct code_reader {
  const code_table* table = nullptr;
  float scale = 1, offset = 0, divisor = 255;
};

/// What a value in 0 … 1 is stored as: table[trunc(value * scale + 0.5)], or that number itself without one.
struct code_quantizer {
  float scale = 255;                    ///< the last index
  const std::uint8_t* table = nullptr;  ///< scale + 1 entries; null: the index is the code, scale ≤ 255
};

/// rows[c][i] = what byte c of pixel i stands for, for each of the readers' channels, four at most.
void unpack_pixels(const std::uint8_t* rgba, std::span<const code_reader> channels, float* const* rows,
                   std::size_t count);

/// Byte c of pixel i = code of rows[c][i], clamped to 0 … 1, for each of the quantizers' channels, four at
/// most; other bytes stay.
void pack_pixels(const float* const* rows, std::span<const code_quantizer> channels, std::uint8_t* rgba,
                 std::size_t count);

/// out[i] = ((upper[2i] + upper[2i+1]) + (lower[2i] + lower[2i+1])) * 0.25
void average_2x2(const float* upper, const float* lower, float* out, std::size_t count);

/// out[i] = Σ rows[k][i] * weights[k], from k = 0 on. `rows` and `weights` have one length, at least 1.
void weigh_rows(std::span<const float* const> rows, const float* weights, float* out, std::size_t count);

/// out[i] = Σ in[2i+k] * weights[k], from k = 0 on. Reads 2 count + weights.size() (rounded up to even)
/// values; at least one weight.
void halve_row(const float* in, std::span<const float> weights, float* out, std::size_t count);

/// values[i] *= by[i]
void multiply_row(float* values, const float* by, std::size_t count);

/// values[i] /= max(by[i], least)
void divide_row(float* values, const float* by, float least, std::size_t count);

/// Brings the vectors (x, y, z) to unit length and from -1 … 1 to 0 … 1; those shorter than 1e-6 to (0, 0,
/// 1).
void normalize_rows(float* x, float* y, float* z, std::size_t count);

namespace scalar {
void unpack_pixels(const std::uint8_t* rgba, std::span<const code_reader> channels, float* const* rows,
                   std::size_t count);
void pack_pixels(const float* const* rows, std::span<const code_quantizer> channels, std::uint8_t* rgba,
                 std::size_t count);
void average_2x2(const float* upper, const float* lower, float* out, std::size_t count);
void weigh_rows(std::span<const float* const> rows, const float* weights, float* out, std::size_t count);
void halve_row(const float* in, std::span<const float> weights, float* out, std::size_t count);
void multiply_row(float* values, const float* by, std::size_t count);
void divide_row(float* values, const float* by, float least, std::size_t count);
void normalize_rows(float* x, float* y, float* z, std::size_t count);
}  // namespace scalar

}  // namespace graphite
