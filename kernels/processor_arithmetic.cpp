#include "kernels/processor_arithmetic.hpp"

#if defined(__x86_64__)
#include <immintrin.h>

#include <array>
#include <bit>
#include <vector>

#include "core/checksum.hpp"
#endif

namespace graphite {

#if defined(__x86_64__)

std::uint64_t processor_arithmetic() {
  // The approximations look at the first bits of the mantissa, and the root at whether the exponent is odd.
  constexpr std::uint32_t one = 0x3f800000, steps = 1u << 13, step = (2u << 23) / steps;
  std::vector<std::array<float, 4>> made;
  made.reserve(steps / 2);
  for (std::uint32_t i = 0; i < steps; i += 4) {
    std::array<float, 4> in{};
    for (std::uint32_t k = 0; k < 4; ++k) in[k] = std::bit_cast<float>(one + (i + k) * step);
    const auto value = _mm_loadu_ps(in.data());
    std::array<float, 4> reciprocal{}, root{};
    _mm_storeu_ps(reciprocal.data(), _mm_rcp_ps(value));
    _mm_storeu_ps(root.data(), _mm_rsqrt_ps(value));
    made.push_back(reciprocal);
    made.push_back(root);
  }
  __builtin_cpu_init();
  const auto features = (__builtin_cpu_supports("avx") ? 1u : 0u) |
                        (__builtin_cpu_supports("avx2") ? 2u : 0u) |
                        (__builtin_cpu_supports("fma") ? 4u : 0u);
  return checksum64(std::as_bytes(std::span(made)), features);
}

#else

std::uint64_t processor_arithmetic() { return 0; }

#endif

}  // namespace graphite
