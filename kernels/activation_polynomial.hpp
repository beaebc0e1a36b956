#pragma once

#include <array>

namespace graphite::exponential {

/// \file e^x as S. Moshier's Cephes has it (expf): x = n ln 2 + r, a polynomial of r, times 2^n.

// Beyond these nothing of a sigmoid changes; 2^n stays a normal number.
inline constexpr float bound = 87.0f;
inline constexpr float log2_of_e = 1.44269504088896341f;
// ln 2 in two parts; n times the first is exact.
inline constexpr float ln2_first = 0.693359375f, ln2_second = -2.12194440e-4f;
// Added, the fraction is rounded off: units are then the last bits of the sum.
inline constexpr float rounding = 12'582'912.0f;
inline constexpr std::array<float, 6> coefficients{1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f,
                                                   4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f};

}  // namespace graphite::exponential
