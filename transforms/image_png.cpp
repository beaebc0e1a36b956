#include <fmt/format.h>
#include <spng.h>

#include <memory>

#include "transforms/image_decode.hpp"

namespace graphite {

namespace {

// Bounds of what chunks beside the pixels may take: texts, profiles.
constexpr std::size_t png_chunk_bytes_max = std::size_t{4} << 20;
constexpr std::size_t png_chunk_cache_bytes_max = std::size_t{16} << 20;
// Deflate gives at most 1032 bytes for one: more pixels than that cannot be in the file.
constexpr std::uint64_t deflate_ratio_max = 1032;

tl::unexpected<error> png_error(std::string_view what, int code) {
  return fail(errc::corrupt, fmt::format("PNG {}: {}", what, spng_strerror(code)));
}

/// Bytes of all rows as they are compressed, filter bytes not counted. Sides are under 2^31.
std::uint64_t raw_bytes(const spng_ihdr& head) {
  constexpr unsigned channels[] = {1, 0, 3, 1, 2, 0, 4};
  const std::uint64_t bits = std::uint64_t{head.width} * head.bit_depth * channels[head.color_type % 7];
  return (bits + 7) / 8 * head.height;
}

}  // namespace

result<rgba_image> decode_png(byte_span bytes, std::uint64_t pixel_bytes_max) {
  const std::unique_ptr<spng_ctx, decltype(&spng_ctx_free)> png(spng_ctx_new(0), &spng_ctx_free);
  if (!png) return fail(errc::too_large, "PNG: no memory");
  spng_set_chunk_limits(png.get(), png_chunk_bytes_max, png_chunk_cache_bytes_max);
  if (const auto code = spng_set_png_buffer(png.get(), bytes.data(), bytes.size()); code != 0)
    return png_error("buffer", code);
  spng_ihdr head{};
  if (const auto code = spng_get_ihdr(png.get(), &head); code != 0) return png_error("header", code);
  if (raw_bytes(head) / deflate_ratio_max > bytes.size() && head.width <= texture_side_max &&
      head.height <= texture_side_max)
    return fail(errc::corrupt, fmt::format("PNG header: {} × {} pixels cannot be in {} bytes", head.width,
                                           head.height, bytes.size()));
  GRAPHITE_TRY(auto out, blank_image(head.width, head.height, pixel_bytes_max));
  if (const auto code = spng_decode_image(png.get(), out.pixels.data(), out.pixels.size(), SPNG_FMT_RGBA8,
                                          SPNG_DECODE_TRNS);
      code != 0)
    return png_error("image", code);
  // To the end: a file that is still being written is not taken for a whole one.
  if (const auto code = spng_decode_chunks(png.get()); code != 0) return png_error("end", code);
  return out;
}

}  // namespace graphite
