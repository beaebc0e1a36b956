#include "transforms/png_encode.hpp"

#include <fmt/format.h>
#include <spng.h>

#include <cstdlib>
#include <memory>

namespace graphite {

namespace {

tl::unexpected<error> encode_failed(int code) {
  return fail(errc::too_large, fmt::format("the picture could not be written: {}", spng_strerror(code)));
}

}  // namespace

result<byte_vector> encode_png(const rgba_image& image) {
  const std::unique_ptr<spng_ctx, decltype(&spng_ctx_free)> png(spng_ctx_new(SPNG_CTX_ENCODER),
                                                                &spng_ctx_free);
  if (!png) return encode_failed(SPNG_EMEM);
  spng_set_option(png.get(), SPNG_ENCODE_TO_BUFFER, 1);
  spng_ihdr head{};
  head.width = image.width;
  head.height = image.height;
  head.bit_depth = 8;
  head.color_type = SPNG_COLOR_TYPE_TRUECOLOR_ALPHA;
  if (const auto code = spng_set_ihdr(png.get(), &head); code != 0) return encode_failed(code);
  if (const auto code = spng_encode_image(png.get(), image.pixels.data(), image.pixels.size(), SPNG_FMT_PNG,
                                          SPNG_ENCODE_FINALIZE);
      code != 0)
    return encode_failed(code);
  std::size_t size = 0;
  int code = 0;
  const std::unique_ptr<void, decltype(&std::free)> bytes(spng_get_png_buffer(png.get(), &size, &code),
                                                          &std::free);
  if (!bytes) return encode_failed(code);
  const auto* const begin = static_cast<const std::byte*>(bytes.get());
  return byte_vector(begin, begin + size);
}

}  // namespace graphite
