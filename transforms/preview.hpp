#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "transforms/built_in.hpp"

namespace graphite {

/// Pixels of a side that a picture may be asked to have.
inline constexpr std::int64_t preview_side_max = 4096;

/// What `graphite preview` has a worker do: a PNG of what a made asset looks like. It is run as a transform
/// is, but is none: it is not among built_in_transforms(), so that no rule can name it.
///
/// Takes what the transforms `texture`, `mesh` and `audio` make, and PNG, JPEG, WAV, AIFF, FLAC and Ogg
/// Vorbis that are copied. Makes two assets: `picture.png`, and `about`, which decode_preview_about() reads.
inline const transform_description& preview_description() {
  static const transform_description out{
      .name = "preview",
      .version = 1,
      .help = "draws a made asset",
      .options =
          {
              {.name = "height",
               .standard = std::int64_t{0},
               .help = "of the picture; 0, with width: as fits the asset",
               .least = 0,
               .most = preview_side_max,
               .unit = "px"},
              {.name = "level",
               .standard = std::int64_t{0},
               .help = "mip level or level of detail; 0 is the finest",
               .least = 0,
               .most = 64},
              {.name = "width",
               .standard = std::int64_t{0},
               .help = "of the picture; 0, with height: as fits the asset",
               .least = 0,
               .most = preview_side_max,
               .unit = "px"},
          },
      .memory_bytes_max = 4 * GiB,
      .timeout = milliseconds{60'000},
      .output_bytes_max = 2 * GiB,
  };
  return out;
}

/// See transform_function. Errors also: unsupported, says what can be drawn.
result<transform_output> run_preview(const transform_input& in);

enum class preview_kind : std::uint8_t { texture, mesh, sound };

/// "texture", "mesh", "sound".
std::string_view name_of(preview_kind kind);

/// What a picture shows. A value.
struct preview_about {
  preview_kind kind = preview_kind::texture;
  std::uint32_t width = 0, height = 0;  ///< of the picture
  std::uint32_t levels = 1;             ///< that the asset has
  bool operator==(const preview_about&) const = default;
};

std::string encode(const preview_about& about);
/// Errors: corrupt.
result<preview_about> decode_preview_about(std::string_view bytes);

}  // namespace graphite
