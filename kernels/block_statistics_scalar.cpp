#include <algorithm>

#include "kernels/block_statistics.hpp"

namespace graphite::scalar {

block_statistics one_block(const std::uint8_t* rgba, std::size_t stride, std::size_t columns,
                           std::size_t rows) {
  block_statistics out{};
  out.least.fill(255);
  for (std::size_t y = 0; y < rows; ++y)
    for (std::size_t x = 0; x < columns; ++x)
      for (std::size_t c = 0; c < 4; ++c) {
        const auto value = rgba[y * stride + 4 * x + c];
        out.least[c] = std::min(out.least[c], value);
        out.most[c] = std::max(out.most[c], value);
        out.sum[c] = static_cast<std::uint16_t>(out.sum[c] + value);
        out.sum_of_squares[c] += static_cast<std::uint32_t>(value) * value;
      }
  return out;
}

void block_statistics_of(const std::uint8_t* rgba, std::size_t width, std::size_t height,
                         std::span<block_statistics> out) {
  const auto across = blocks_along(width);
  for (std::size_t y = 0; y < height; y += block_side)
    for (std::size_t x = 0; x < width; x += block_side)
      out[across * (y / block_side) + x / block_side] =
          one_block(rgba + 4 * (width * y + x), 4 * width, std::min(block_side, width - x),
                    std::min(block_side, height - y));
}

}  // namespace graphite::scalar
