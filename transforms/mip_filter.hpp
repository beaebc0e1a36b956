#pragma once

#include <cstdint>
#include <vector>

#include "kernels/pixel_codes.hpp"

namespace graphite {

/// box: the mean of what a pixel covers. kaiser: a sinc of three lobes in a Kaiser window (alpha 4), sharper.
enum class mip_filter { box, kaiser };

/// Which pixels of a row of the larger level make those of the smaller one: out[i] = Σ weights · in[first(i)
/// + k], k < count; places outside the row stand for its ends. The weights of a pixel sum to 1.
struct filter_taps {
  std::size_t count = 0;
  bool uniform = false;             ///< one set of weights for all, first(i) = first[0] + 2 i
  std::vector<std::int32_t> first;  ///< one, or one a pixel
  std::vector<float> weights;       ///< count, or count a pixel

  std::int32_t first_of(std::uint32_t i) const {
    return uniform ? first[0] + 2 * static_cast<std::int32_t>(i) : first[i];
  }
  const float* weights_of(std::uint32_t i) const { return weights.data() + (uniform ? 0 : count * i); }
};

/// From a side to half of it, rounded down; odd sides have weights of their own for every pixel, so that each
/// covers its share. Computed without the mathematical library: the same bits on every machine.
///
/// Source: J. F. Kaiser and R. W. Schafer, "On the use of the I0-sinh window for spectrum analysis", 1980.
filter_taps taps_of(std::uint32_t from, std::uint32_t to, mip_filter filter);

/// What sRGB codes stand for in linear light (IEC 61966-2-1), and the other way round.
const code_table& linear_of_srgb();
code_quantizer srgb_quantizer();

}  // namespace graphite
