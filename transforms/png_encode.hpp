#pragma once

#include "core/digest.hpp"
#include "core/error.hpp"
#include "transforms/rgba_image.hpp"

namespace graphite {

/// The image as a PNG of 8 bits a channel with alpha. Pure: equal images give equal bytes with the same
/// zlib. No side is 0. Errors: too_large where there is no memory for it.
result<byte_vector> encode_png(const rgba_image& image);

}  // namespace graphite
