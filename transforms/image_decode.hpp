#pragma once

#include <string>

#include "core/digest.hpp"
#include "core/error.hpp"
#include "transforms/rgba_image.hpp"

namespace graphite {

/// PNG, JPEG or TGA by what the bytes are, never by a name. 16-bit samples keep their upper eight bits,
/// palettes and transparent colours become RGBA, gamma and colour profiles are passed over.
///
/// Sizes are read from the header and checked before pixels are allocated: at most texture_side_max a side
/// and `pixel_bytes_max` bytes of RGBA.
/// Errors: corrupt (broken or cut off, says what), invalid_argument (no such image, or a JPEG of CMYK),
/// too_large.
result<rgba_image> decode_image(byte_span bytes, std::uint64_t pixel_bytes_max);

/// The same of one format each.
result<rgba_image> decode_png(byte_span bytes, std::uint64_t pixel_bytes_max);
result<rgba_image> decode_jpeg(byte_span bytes, std::uint64_t pixel_bytes_max);

/// An image of this size with its pixels allocated. Errors: corrupt where a side is 0, too_large.
result<rgba_image> blank_image(std::uint64_t width, std::uint64_t height, std::uint64_t pixel_bytes_max);

}  // namespace graphite
