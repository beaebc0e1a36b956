#pragma once

#include <string_view>
#include <vector>

#include "core/error.hpp"

namespace graphite {

/// Which instruction set the kernels use: the best that the processor has, unless forced. All give the same
/// bits. Names: scalar (the plain twins; sse2 means the same, as they are compiled for it), ssse3, sse4,
/// avx2, avx3 (AVX-512 F, CD, BW, DQ, VL) and avx3_dl (what Ice Lake and Zen 4 added).
///
/// State of the process: call before the first kernel, or between kernels of one thread.
/// Errors: invalid_argument for an unknown name, unsupported where the processor or build lacks it.
result<void> force_simd_target(std::string_view name);

/// Back to the best.
void release_simd_target();

/// True where the plain twins were asked for.
bool simd_is_scalar();

/// The names that force_simd_target takes on this machine, ascending by width; the first is scalar.
std::vector<std::string_view> simd_targets();

}  // namespace graphite
