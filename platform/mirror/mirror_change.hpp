#pragma once

#include <vector>

#include "core/content.hpp"
#include "core/error.hpp"
#include "core/logical_path.hpp"

namespace graphite {

/// A file that a generation shows.
struct mirror_file {
  logical_path path;
  content_ref content;
  bool operator==(const mirror_file&) const = default;
};

/// How the shown generation becomes the next one.
struct mirror_change {
  byte_vector note;                   ///< kept with the change, the caller's own
  std::vector<mirror_file> shown;     ///< ascending by path
  std::vector<logical_path> hidden;   ///< ascending
  std::vector<mirror_file> replaced;  ///< what was shown at these paths before, ascending by path
  bool from_nothing = false;          ///< `shown` is all there is
  std::uint8_t tree = 0;              ///< which of the two trees shows it; set by mirror_tree
  bool operator==(const mirror_change&) const = default;
};

byte_vector encode(const mirror_change& change);
/// Strict. Errors: corrupt.
result<mirror_change> decode_mirror_change(byte_span bytes);

}  // namespace graphite
