#include "transforms/image_decode.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "transforms/tga.hpp"

namespace graphite {

namespace {

constexpr std::array<std::uint8_t, 8> png_magic{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
constexpr std::array<std::uint8_t, 3> jpeg_magic{0xff, 0xd8, 0xff};

template <std::size_t Size>
bool begins_with(byte_span bytes, const std::array<std::uint8_t, Size>& magic) {
  return bytes.size() >= Size &&
         std::equal(magic.begin(), magic.end(), bytes.begin(),
                    [](std::uint8_t a, std::byte b) { return a == std::to_integer<std::uint8_t>(b); });
}

}  // namespace

result<rgba_image> blank_image(std::uint64_t width, std::uint64_t height, std::uint64_t pixel_bytes_max) {
  if (width == 0 || height == 0)
    return fail(errc::corrupt, fmt::format("an image of {} × {}", width, height));
  if (width > texture_side_max || height > texture_side_max)
    return fail(errc::too_large,
                fmt::format("{} × {} pixels: at most {} a side", width, height, texture_side_max));
  if (width * height * 4 > pixel_bytes_max)
    return fail(errc::too_large,
                fmt::format("{} × {} pixels are more than {} bytes", width, height, pixel_bytes_max));
  rgba_image out;
  out.width = static_cast<std::uint32_t>(width);
  out.height = static_cast<std::uint32_t>(height);
  out.pixels.resize(width * height * 4);
  return out;
}

result<rgba_image> decode_image(byte_span bytes, std::uint64_t pixel_bytes_max) {
  if (bytes.empty()) return fail(errc::invalid_argument, "the file is empty");
  if (begins_with(bytes, png_magic)) return decode_png(bytes, pixel_bytes_max);
  if (begins_with(bytes, jpeg_magic)) return decode_jpeg(bytes, pixel_bytes_max);
  if (looks_like_tga(bytes)) return decode_tga(bytes, pixel_bytes_max);
  return fail(errc::invalid_argument, "neither PNG nor JPEG nor TGA");
}

}  // namespace graphite
