#pragma once

#include <cstdint>

#include "transforms/rgba_image.hpp"

namespace graphite {

/// The image at another size, for people to look at: larger, each pixel is repeated, so that it can be seen;
/// smaller, each is the mean of those it covers, weighted by alpha. Sides are brought to size by themselves.
/// Pure; O(pixels of both). No side of either is 0.
rgba_image scaled_image(const rgba_image& image, std::uint32_t width, std::uint32_t height);

}  // namespace graphite
