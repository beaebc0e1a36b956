#pragma once

#include <cstddef>
#include <span>

namespace graphite {

/// \file The loops of mip chains, over rows of one channel in float.
///
/// Vectorised by Google Highway for the instruction set found at run time (kernels/simd_target.hpp). Each
/// operation is one IEEE rounding in a stated order, without fused multiply-add: the results are the same
/// bits on every target, and those of the namespace `scalar`, the plain definitions; only the bits of a NaN
/// may differ. Pure, thread-safe. Rows need no alignment; `count` may be zero.

/// out[i] = ((upper[2i] + upper[2i+1]) + (lower[2i] + lower[2i+1])) * 0.25
void average_2x2(const float* upper, const float* lower, float* out, std::size_t count);

/// out[i] = Σ rows[k][i] * weights[k], from k = 0 on. `rows` and `weights` have one length, at least 1.
void weigh_rows(std::span<const float* const> rows, const float* weights, float* out, std::size_t count);

/// out[i] = Σ in[2i+k] * weights[k], from k = 0 on. Reads 2 count + weights.size() (rounded up to even)
/// values; at least one weight.
void halve_row(const float* in, std::span<const float> weights, float* out, std::size_t count);

/// values[i] *= by[i]
void multiply_row(float* values, const float* by, std::size_t count);

/// values[i] /= least < by[i] ? by[i] : least, so that `least` stands for a NaN.
void divide_row(float* values, const float* by, float least, std::size_t count);

/// Brings the vectors (x, y, z) to unit length and from -1 … 1 to 0 … 1; those shorter than 1e-6 to (0, 0,
/// 1).
void normalize_rows(float* x, float* y, float* z, std::size_t count);

namespace scalar {
void average_2x2(const float* upper, const float* lower, float* out, std::size_t count);
void weigh_rows(std::span<const float* const> rows, const float* weights, float* out, std::size_t count);
void halve_row(const float* in, std::span<const float> weights, float* out, std::size_t count);
void multiply_row(float* values, const float* by, std::size_t count);
void divide_row(float* values, const float* by, float least, std::size_t count);
void normalize_rows(float* x, float* y, float* z, std::size_t count);
}  // namespace scalar

}  // namespace graphite
