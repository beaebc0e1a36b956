#pragma once

#include <cstdint>
#include <vector>

#include "actors/bundle_archive.hpp"

namespace graphite {

/// What a collector asks of a bundle folder beside what its channel does. Any thread.
class kept_archive : public bundle_archive {
 public:
  /// Every generation that can still be read, the newest last. Errors: corrupt, io.
  virtual result<std::vector<state>> kept() = 0;
  /// Whether a kept page may point into the segment.
  virtual bool refers_to(segment_id segment) const = 0;
  /// Whether rewrite() pays: most of the pages are dead, or they pin `dead_segment_bytes` that weigh more.
  virtual bool wants_rewrite(std::uint64_t dead_segment_bytes) const = 0;
  /// Writes the kept generations' pages anew, with the present places of their contents, and drops all else.
  /// write() goes on meanwhile; trees that read the old pages hold their space and are to be taken from
  /// newest() again. Blocks, O(assets). Errors: out_of_space, io; then all is as it was.
  virtual result<void> rewrite() = 0;
};

}  // namespace graphite
