#pragma once

#include <functional>

#include "core/ports/buffers.hpp"
#include "core/ports/parallel_calls.hpp"
#include "transforms/mip_filter.hpp"
#include "transforms/rgba_image.hpp"

namespace graphite {

/// What the bytes of a pixel say.
enum class texel_meaning {
  colour,  ///< sRGB: filtered in linear light
  data,    ///< numbers from 0 to 1
  normal,  ///< vectors from -1 to 1: every smaller level is brought to unit length
};

struct mip_options {
  texel_meaning meaning = texel_meaning::colour;
  /// Whether alpha counts; else it is 255. Pixels weigh by their alpha, so that colours that nobody sees do
  /// not spread. Of colour and data.
  bool alpha = false;
  mip_filter filter = mip_filter::kaiser;
  /// 0: off. Else every level has as many pixels, by share, with an alpha over this as the first.
  /// Source: I. Castaño, "Computing Alpha Mipmaps", 2010.
  double alpha_coverage = 0;
  bool mips = true;            ///< false: the first level alone
  std::uint32_t side_max = 0;  ///< levels with a longer side are left out; 0: none
};

/// The levels that make_levels() leaves out.
std::uint32_t levels_skipped(std::uint32_t width, std::uint32_t height, const mip_options& options);

/// Calls `each` with every level, the largest first. Filters each level from the one before in float, not
/// from its rounded bytes. Takes 4/3 floats a channel and pixel of the first level below the image, in one
/// piece of `memory`, or from the heap where that gives nothing. Several threads make one level; `each` is
/// called by this one.
void make_levels(const rgba_image& image, const mip_options& options, parallel_calls& threads,
                 buffers& memory, const std::function<void(const rgba_image&)>& each);

}  // namespace graphite
