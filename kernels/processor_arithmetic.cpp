#include "kernels/processor_arithmetic.hpp"

#include <span>

#include "core/checksum.hpp"

#if defined(__x86_64__)
#include <immintrin.h>

#include <array>
#include <bit>
#endif

namespace graphite {

#if defined(__x86_64__)

processor_traits traits_of_processor() {
  // The approximations look at the first bits of the mantissa, and the root at whether the exponent is odd.
  constexpr std::uint32_t one = 0x3f800000, steps = 1u << 13, step = (2u << 23) / steps;
  processor_traits out;
  for (std::uint32_t i = 0; i < steps; i += 4) {
    std::array<float, 4> values{};
    for (std::uint32_t k = 0; k < 4; ++k) values[k] = std::bit_cast<float>(one + (i + k) * step);
    const auto in = _mm_loadu_ps(values.data());
    for (const auto made : {_mm_rcp_ps(in), _mm_rsqrt_ps(in)}) {
      _mm_storeu_ps(values.data(), made);
      out.reciprocals.insert(out.reciprocals.end(), values.begin(), values.end());
    }
  }
  __builtin_cpu_init();
  out.avx = __builtin_cpu_supports("avx") != 0;
  out.avx2 = __builtin_cpu_supports("avx2") != 0;
  out.fma = __builtin_cpu_supports("fma") != 0;
  return out;
}

#else

processor_traits traits_of_processor() { return {}; }

#endif

std::uint64_t mark_of(const processor_traits& traits) {
  const auto features = (traits.avx ? 1u : 0u) | (traits.avx2 ? 2u : 0u) | (traits.fma ? 4u : 0u);
  return checksum64(std::as_bytes(std::span(traits.reciprocals)), features);
}

}  // namespace graphite
