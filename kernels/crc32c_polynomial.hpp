#pragma once

#include <cstdint>

namespace graphite::castagnoli {

/// The polynomial x^32 + x^28 + … + 1 without its first term; as everywhere here, bit 31 stands for x^0.
inline constexpr std::uint32_t polynomial = 0x82f63b78;

/// `value` · x mod the polynomial.
constexpr std::uint32_t times_x(std::uint32_t value) {
  return (value >> 1) ^ ((value & 1) != 0 ? polynomial : 0);
}

/// x^power mod the polynomial.
constexpr std::uint32_t x_to(unsigned power) {
  std::uint32_t out = 0x8000'0000;
  while (power-- > 0) out = times_x(out);
  return out;
}

}  // namespace graphite::castagnoli
