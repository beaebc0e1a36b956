#pragma once

#include <cstdint>
#include <vector>

namespace graphite {

/// Pixels of a side that a texture may have.
inline constexpr std::uint32_t texture_side_max = 16'384;

/// Pixels of four bytes, red first, rows from the top without gaps; alpha is straight. A value.
struct rgba_image {
  std::uint32_t width = 0, height = 0;
  std::vector<std::uint8_t> pixels;  ///< width · height · 4

  const std::uint8_t* row(std::uint32_t y) const { return pixels.data() + std::size_t{4} * width * y; }
  std::uint8_t* row(std::uint32_t y) { return pixels.data() + std::size_t{4} * width * y; }
};

}  // namespace graphite
