#include "transforms/block_compress.hpp"

#include <squish.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "transforms/bands.hpp"

#define STB_DXT_STATIC
#define STB_DXT_IMPLEMENTATION
#include <stb/stb_dxt.h>

namespace graphite {

namespace {

constexpr std::uint32_t block_rows_a_band = 4;
/// Nobody sees a mean error of one step of 255.
constexpr unsigned good_enough = 48;

using block_pixels = std::array<std::uint8_t, 64>;

block_pixels pixels_at(const rgba_image& image, std::uint32_t left, std::uint32_t top) {
  block_pixels out;
  for (std::uint32_t y = 0; y < 4; ++y) {
    const auto* row = image.row(std::min(top + y, image.height - 1));
    auto* to = out.data() + std::size_t{16} * y;
    if (left + 4 <= image.width) {
      std::memcpy(to, row + std::size_t{4} * left, 16);
      continue;
    }
    for (std::uint32_t x = 0; x < 4; ++x)
      std::memcpy(to + std::size_t{4} * x, row + std::size_t{4} * std::min(left + x, image.width - 1), 4);
  }
  return out;
}

void compress_channel(const block_pixels& pixels, std::size_t channel, std::uint8_t* out) {
  std::array<std::uint8_t, 16> values;
  for (std::size_t i = 0; i < 16; ++i) values[i] = pixels[4 * i + channel];
  stb_compress_bc4_block(out, values.data());
}

/// Sum of the squared differences of red, green and blue.
unsigned colour_error(const block_pixels& pixels, const std::uint8_t* block) {
  block_pixels decoded;
  squish::Decompress(decoded.data(), block, squish::kDxt1);
  unsigned out = 0;
  for (std::size_t i = 0; i < decoded.size(); ++i) {
    const int difference = int{pixels[i]} - decoded[i];
    out += static_cast<unsigned>(difference * difference);
  }
  return out;
}

/// Colour alone, opaque.
void compress_colour(block_pixels pixels, block_quality quality, std::uint8_t* out) {
  for (std::size_t i = 3; i < 64; i += 4) pixels[i] = 255;
  stb_compress_dxt_block(out, pixels.data(), 0,
                         quality == block_quality::fast ? STB_DXT_NORMAL : STB_DXT_HIGHQUAL);
  if (quality != block_quality::high) return;
  const auto error = colour_error(pixels, out);
  if (error <= good_enough) return;
  // Neither is the better one everywhere. The iterative fit takes twice as long for 0.01 dB.
  std::array<std::uint8_t, 8> other;
  squish::Compress(pixels.data(), other.data(), squish::kDxt1 | squish::kColourClusterFit);
  if (colour_error(pixels, other.data()) < error) std::memcpy(out, other.data(), other.size());
}

void compress_block(const block_pixels& pixels, texel_format format, block_quality quality,
                    std::uint8_t* out) {
  switch (format) {
    case texel_format::bc1:
      return compress_colour(pixels, quality, out);
    case texel_format::bc3:
      compress_channel(pixels, 3, out);
      return compress_colour(pixels, quality, out + 8);
    case texel_format::bc4:
      return compress_channel(pixels, 0, out);
    case texel_format::bc5:
      compress_channel(pixels, 0, out);
      return compress_channel(pixels, 1, out + 8);
    case texel_format::rgba8:
      return;
  }
}

}  // namespace

void compress_blocks(const rgba_image& image, texel_format format, block_quality quality,
                     parallel_calls& threads, byte_vector& out) {
  const auto before = out.size();
  out.resize(before + image_bytes(format, image.width, image.height));
  auto* to = reinterpret_cast<std::uint8_t*>(out.data() + before);
  if (format == texel_format::rgba8) {
    std::memcpy(to, image.pixels.data(), image.pixels.size());
    return;
  }
  const auto across = (image.width + 3) / 4, down = (image.height + 3) / 4;
  for_each_band(threads, down, block_rows_a_band, [&](std::uint32_t first, std::uint32_t end) {
    auto* block = to + std::size_t{first} * across * block_bytes(format);
    for (auto y = first; y < end; ++y)
      for (std::uint32_t x = 0; x < across; ++x, block += block_bytes(format))
        compress_block(pixels_at(image, 4 * x, 4 * y), format, quality, block);
  });
}

}  // namespace graphite
