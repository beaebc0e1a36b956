#pragma once

#include "core/digest.hpp"
#include "core/error.hpp"
#include "transforms/rgba_image.hpp"

namespace graphite {

/// True where the 18 bytes of a TGA header make sense. The format has no magic number: ask last.
bool looks_like_tga(byte_span bytes);

/// Truevision TGA: true colour of 16, 24 and 32 bits, grey of 8 and colour-mapped of 8 and 16 bits, plain or
/// run-length coded, from any corner. Alpha counts where the header says that the pixels have it.
/// Bounds and errors as of decode_image().
///
/// Source: "Truevision TGA File Format Specification", version 2.0, 1989.
result<rgba_image> decode_tga(byte_span bytes, std::uint64_t pixel_bytes_max);

}  // namespace graphite
