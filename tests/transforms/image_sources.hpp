#pragma once

#include <gtest/gtest.h>
#include <spng.h>
#include <turbojpeg.h>

#include <array>
#include <cstdlib>

#include "core/digest.hpp"
#include "transforms/rgba_image.hpp"

/// \file Images made in code.

namespace graphite::test {

struct png_kind {
  std::uint8_t colour = SPNG_COLOR_TYPE_TRUECOLOR_ALPHA, depth = 8;
  bool interlaced = false, transparent = false;
};

/// `raw` as the rows of the format lie in a PNG; palettes are 16 greys, the first half transparent if asked.
inline byte_vector png_of(std::uint32_t width, std::uint32_t height, const png_kind& kind,
                          const std::vector<std::uint8_t>& raw) {
  auto* png = spng_ctx_new(SPNG_CTX_ENCODER);
  spng_set_option(png, SPNG_ENCODE_TO_BUFFER, 1);
  spng_ihdr head{width, height, kind.depth, kind.colour, 0, 0, static_cast<std::uint8_t>(kind.interlaced)};
  EXPECT_EQ(spng_set_ihdr(png, &head), 0);
  if (kind.colour == SPNG_COLOR_TYPE_INDEXED) {
    spng_plte palette{};
    palette.n_entries = std::min(16u, 1u << kind.depth);
    for (std::uint32_t i = 0; i < palette.n_entries; ++i) {
      const auto grey = static_cast<std::uint8_t>(i * 255 / (palette.n_entries - 1));
      palette.entries[i] = {grey, grey, grey, 0};
    }
    spng_set_plte(png, &palette);
  }
  if (kind.transparent) {
    spng_trns transparent{};
    transparent.n_type3_entries = kind.colour == SPNG_COLOR_TYPE_INDEXED ? 1 : 0;
    spng_set_trns(png, &transparent);  // palette entry 0, grey 0 or black is transparent
  }
  const auto code = spng_encode_image(png, raw.data(), raw.size(), SPNG_FMT_RAW, SPNG_ENCODE_FINALIZE);
  EXPECT_EQ(code, 0) << spng_strerror(code);
  std::size_t size = 0;
  int error = 0;
  auto* bytes = static_cast<std::byte*>(spng_get_png_buffer(png, &size, &error));
  byte_vector out(bytes, bytes + size);
  std::free(bytes);
  spng_ctx_free(png);
  return out;
}

inline byte_vector png_of(const rgba_image& image) {
  return png_of(image.width, image.height, {}, image.pixels);
}

/// `pixel(x, y)` gives four numbers.
template <class Pixel>
rgba_image image_of(std::uint32_t width, std::uint32_t height, const Pixel& pixel) {
  rgba_image out{width, height, {}};
  for (std::uint32_t y = 0; y < height; ++y)
    for (std::uint32_t x = 0; x < width; ++x)
      for (const auto value : pixel(x, y)) out.pixels.push_back(static_cast<std::uint8_t>(value));
  return out;
}

using rgba = std::array<unsigned, 4>;

/// Smooth colours with some detail.
inline rgba_image some_image(std::uint32_t width, std::uint32_t height, bool alpha = false) {
  return image_of(width, height, [&](std::uint32_t x, std::uint32_t y) {
    const auto detail = (x * 7 + y * 13) % 11;
    return rgba{(x * 3 + detail) % 256, (y * 2 + x / 2 + detail) % 256, (x + y) / 2 % 256,
                alpha ? (x * 5 + y * 3) % 256 : 255};
  });
}

inline byte_vector jpeg_of(const rgba_image& image, int subsampling, int flags = 0) {
  const auto handle = tjInitCompress();
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  EXPECT_EQ(tjCompress2(handle, image.pixels.data(), static_cast<int>(image.width), 0,
                        static_cast<int>(image.height), TJPF_RGBA, &buffer, &size, subsampling, 95, flags),
            0);
  const auto* begin = reinterpret_cast<const std::byte*>(buffer);
  byte_vector out(begin, begin + size);
  tjFree(buffer);
  tjDestroy(handle);
  return out;
}

}  // namespace graphite::test
