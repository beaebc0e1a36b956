#include "image.hpp"

#include <png.h>

#include <algorithm>
#include <stdexcept>
#include <string>

namespace viewer {
namespace {

constexpr colour channel(colour of, int shift) { return of >> shift & 0xff; }

/// The average of a box, by alpha: what is transparent has no colour.
colour average(const image& from, int x0, int y0, int x1, int y1) {
  std::uint64_t alpha = 0, sums[3] = {}, count = 0;
  for (int y = y0; y < y1; ++y)
    for (int x = x0; x < x1; ++x, ++count) {
      const colour pixel = from.row(y)[x];
      const std::uint64_t weight = channel(pixel, 24);
      alpha += weight;
      for (int i = 0; i < 3; ++i) sums[i] += weight * channel(pixel, 8 * i);
    }
  if (alpha == 0) return 0;
  colour out = static_cast<colour>((alpha + count / 2) / count) << 24;
  for (int i = 0; i < 3; ++i) out |= static_cast<colour>((sums[i] + alpha / 2) / alpha) << 8 * i;
  return out;
}

}  // namespace

colour blend(colour under, colour over) {
  const colour alpha = channel(over, 24);
  colour out = 0xff000000;
  for (const int shift : {0, 8, 16})
    out |= (channel(over, shift) * alpha + channel(under, shift) * (255 - alpha) + 127) / 255 << shift;
  return out;
}

image fit(const image& from, int most) {
  const int longer = std::max(from.width, from.height);
  if (longer <= most) {
    const int factor = most / longer;
    image out(from.width * factor, from.height * factor);
    for (int y = 0; y < out.height; ++y)
      for (int x = 0; x < out.width; ++x) out.row(y)[x] = from.row(y / factor)[x / factor];
    return out;
  }
  const auto scaled = [&](int length) {
    return std::max(1, static_cast<int>(static_cast<std::int64_t>(length) * most / longer));
  };
  image out(scaled(from.width), scaled(from.height));
  const auto begin = [](int at, int of, int source) {
    return static_cast<int>(static_cast<std::int64_t>(at) * source / of);
  };
  for (int y = 0; y < out.height; ++y)
    for (int x = 0; x < out.width; ++x) {
      const int x0 = begin(x, out.width, from.width), y0 = begin(y, out.height, from.height);
      out.row(y)[x] = average(from, x0, y0, std::max(x0 + 1, begin(x + 1, out.width, from.width)),
                              std::max(y0 + 1, begin(y + 1, out.height, from.height)));
    }
  return out;
}

image decode_png(std::string_view bytes) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_memory(&png, bytes.data(), bytes.size()) == 0)
    throw std::runtime_error(png.message);
  if (std::uint64_t{png.width} * png.height > pixels_max) {
    png_image_free(&png);
    throw std::runtime_error("too large");
  }
  png.format = PNG_FORMAT_BGRA;  // bytes in this order are 0xAARRGGBB of a little-endian machine
  image out(static_cast<int>(png.width), static_cast<int>(png.height));
  if (png_image_finish_read(&png, nullptr, out.pixels.data(), 0, nullptr) == 0)
    throw std::runtime_error(png.message);
  return out;
}

void write_png(const char* path, const image& from) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(from.width);
  png.height = static_cast<png_uint_32>(from.height);
  png.format = PNG_FORMAT_BGR;
  std::vector<std::uint8_t> opaque;
  opaque.reserve(from.pixels.size() * 3);
  for (const colour pixel : from.pixels)
    for (const int shift : {0, 8, 16}) opaque.push_back(static_cast<std::uint8_t>(channel(pixel, shift)));
  if (png_image_write_to_file(&png, path, 0, opaque.data(), 0, nullptr) == 0)
    throw std::runtime_error(std::string(path) + ": " + png.message);
}

}  // namespace viewer
