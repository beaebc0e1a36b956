#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "core/digest.hpp"
#include "core/error.hpp"

namespace graphite {

inline constexpr std::size_t audio_tags_bytes_max = 1u << 20;
inline constexpr std::size_t audio_tag_bytes_max = 1024;  ///< of one that is kept

/// Samples of the file's own rate, the end not played.
struct audio_loop {
  std::uint64_t begin = 0, end = 0;
  bool operator==(const audio_loop&) const = default;
};

/// What stands beside the sound.
struct audio_tags {
  std::string title, artist;
  std::optional<audio_loop> loop;
};

/// Reads RIFF's smpl chunk, FLAC's VORBIS_COMMENT block or the second packet of Ogg Vorbis; anything else has
/// no tags. Broken tags are no tags, and a loop of no length is none: but the chunks of RIFF must lie in the
/// file, for else the sound itself is cut off. Pure, O(size).
/// Sources of the formats: Multimedia Programming Interface and Data Specifications 1.0; RFC 9639; RFC 3533;
/// the Vorbis I specification, section 5.
/// Errors: corrupt.
result<audio_tags> read_audio_tags(byte_span file);

}  // namespace graphite
