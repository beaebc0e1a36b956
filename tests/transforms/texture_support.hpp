#pragma once

#include <gtest/gtest.h>
#include <spng.h>
#include <turbojpeg.h>

#include <cmath>
#include <cstdlib>
#include <map>
#include <string>

#include "tests/support/paths.hpp"
#include "transforms/rgba_image.hpp"
#include "transforms/texture.hpp"

/// \file Images made in code, and the transform `texture` run over them.

namespace graphite::test {

/// Files in memory that a transform may ask for.
class memory_files : public transform_files {
 public:
  std::map<std::string, byte_vector, std::less<>> files;
  result<byte_span> read(const logical_path& path) override {
    const auto found = files.find(path.str());
    if (found == files.end()) return fail(errc::not_found, path.str());
    return byte_span(found->second);
  }
};

using given_options = std::map<std::string, option_value, std::less<>>;

inline result<transform_output> texture_of(byte_span bytes, const given_options& given = {},
                                           std::string_view name = "img/a.png", memory_files files = {}) {
  const auto path = path_of(name);
  const auto options = option_values::make(texture_description().options, given);
  EXPECT_TRUE(options) << options.error().context;
  const std::vector<output_name> outputs{expand_output("{dir}/{stem}.ktx2", path).value()};
  return run_texture({path, bytes, *options, outputs, files});
}

/// The file that the parts are together; empty (and a failure) where there is an error.
inline byte_vector ktx2_of(byte_span bytes, const given_options& given = {},
                           std::string_view name = "img/a.png", memory_files files = {}) {
  const auto made = texture_of(bytes, given, name, std::move(files));
  EXPECT_TRUE(made) << made.error().context;
  byte_vector out;
  if (made)
    for (const auto& part : made->assets.at(0).parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

inline errc code_of(const result<transform_output>& made) { return made ? errc{} : made.error().code; }

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

/// Of the colours, over pixels with an alpha.
inline double psnr(const rgba_image& a, const rgba_image& b, std::size_t channels = 3) {
  EXPECT_EQ(a.pixels.size(), b.pixels.size());
  double sum = 0, count = 0;
  for (std::size_t i = 0; i < std::min(a.pixels.size(), b.pixels.size()); ++i) {
    if (i % 4 >= channels) continue;
    const auto difference = double(a.pixels[i]) - b.pixels[i];
    sum += difference * difference, ++count;
  }
  return sum == 0 ? 99 : 10 * std::log10(255.0 * 255.0 * count / sum);
}

}  // namespace graphite::test
