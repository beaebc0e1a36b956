#pragma once

#include <cstdint>
#include <vector>

#include "core/digest.hpp"

namespace graphite {

/// How the pixels of a texture are stored. The values are those of VkFormat without sRGB.
enum class texel_format : std::uint32_t { rgba8 = 37, bc1 = 131, bc3 = 137, bc4 = 139, bc5 = 141 };

/// Bytes of a block of 4 × 4 pixels, of rgba8: of one pixel.
std::uint32_t block_bytes(texel_format format);
/// Bytes of one image of this size.
std::uint64_t image_bytes(texel_format format, std::uint32_t width, std::uint32_t height);
/// 1 + floor(log2(the longer side)).
std::uint32_t level_count_of(std::uint32_t width, std::uint32_t height);
/// A side of a level: never less than 1.
inline std::uint32_t side_at(std::uint32_t side, std::uint32_t level) {
  const auto out = level < 32 ? side >> level : 0;
  return out == 0 ? 1 : out;
}

/// What the header of a KTX 2.0 file says.
struct ktx2_description {
  texel_format format = texel_format::rgba8;
  bool srgb = false;  ///< of rgba8, bc1 and bc3
  std::uint32_t width = 1, height = 1;
  std::uint32_t layers = 0;  ///< 0: no array
  std::uint32_t faces = 1;   ///< 6: a cube map
  std::uint32_t levels = 1;
  bool operator==(const ktx2_description&) const = default;
};

inline constexpr std::size_t ktx2_header_bytes = 80;       ///< with the index
inline constexpr std::size_t ktx2_level_entry_bytes = 24;  ///< of the level index

/// Everything before the level data, filled up to where the first of it lies: identifier, header, level
/// index, data format descriptor, key/value data. `level_bytes` by level, the largest image first; the data
/// follows the smallest level first, without gaps, as every size is a multiple of the alignment.
///
/// Sources: "KTX File Format Specification", version 2.0; "Khronos Data Format Specification", 1.3.
byte_vector ktx2_head(const ktx2_description& what, const std::vector<std::uint64_t>& level_bytes);

/// The data format descriptor with its size before it.
byte_vector ktx2_descriptor(texel_format format, bool srgb);

}  // namespace graphite
