#pragma once

#include "core/digest.hpp"
#include "core/error.hpp"
#include "transforms/ktx2.hpp"
#include "transforms/rgba_image.hpp"

namespace graphite {

/// What a KTX 2.0 file of the kind that the transform `texture` makes has, checked: format, sizes, and that
/// every level lies within the file at its place. Errors: corrupt (says what), unsupported (a KTX 2.0 file
/// of another kind: volumes, other formats, supercompression), too_large (over texture_side_max).
result<ktx2_description> read_ktx2(byte_span bytes);

/// The pixels of one image: of bc4 red stands for all three colours, of bc5 blue is what makes the vector
/// one of unit length. `image` counts layers · faces in the order of the file.
/// Errors: as above; invalid_argument for a level or image that is not there, too_large where the pixels
/// take more than `pixel_bytes_max`.
result<rgba_image> ktx2_pixels(byte_span bytes, std::uint32_t level, std::uint32_t image,
                               std::uint64_t pixel_bytes_max);

}  // namespace graphite
