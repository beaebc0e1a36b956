#include "transforms/image_scale.hpp"

#include <algorithm>
#include <array>

#include "core/error.hpp"

namespace graphite {

namespace {

struct covered {
  std::uint32_t begin, end;
};

/// The pixels of a side of `from` that pixel `at` of a side of `to` covers, at least one.
covered covered_by(std::uint32_t at, std::uint32_t from, std::uint32_t to) {
  const auto begin = static_cast<std::uint32_t>(std::uint64_t{at} * from / to);
  const auto end = static_cast<std::uint32_t>(std::uint64_t{at + 1} * from / to);
  return {begin, std::max(begin + 1, end)};
}

void mean_of(const rgba_image& image, covered columns, covered rows, std::uint8_t* out) {
  std::array<std::uint64_t, 4> sums{};
  for (auto y = rows.begin; y < rows.end; ++y) {
    const auto* pixel = image.row(y) + std::size_t{4} * columns.begin;
    for (auto x = columns.begin; x < columns.end; ++x, pixel += 4) {
      for (std::size_t i = 0; i < 3; ++i) sums[i] += std::uint64_t{pixel[i]} * pixel[3];
      sums[3] += pixel[3];
    }
  }
  const auto count = std::uint64_t{columns.end - columns.begin} * (rows.end - rows.begin);
  const auto alpha = sums[3];
  for (std::size_t i = 0; i < 3; ++i)
    out[i] = static_cast<std::uint8_t>(alpha == 0 ? 0 : (sums[i] + alpha / 2) / alpha);
  out[3] = static_cast<std::uint8_t>((alpha + count / 2) / count);
}

}  // namespace

rgba_image scaled_image(const rgba_image& image, std::uint32_t width, std::uint32_t height) {
  GRAPHITE_INVARIANT(image.width > 0 && image.height > 0 && width > 0 && height > 0);
  rgba_image out{width, height, std::vector<std::uint8_t>(std::size_t{width} * height * 4)};
  for (std::uint32_t y = 0; y < height; ++y) {
    const auto rows = covered_by(y, image.height, height);
    for (std::uint32_t x = 0; x < width; ++x)
      mean_of(image, covered_by(x, image.width, width), rows, out.row(y) + std::size_t{4} * x);
  }
  return out;
}

}  // namespace graphite
