#pragma once

#include "core/content.hpp"

namespace graphite {

/// What of a new content must be fetched, and what an older one already has.
struct delta_plan {
  /// Bytes to copy within or from a content held here.
  struct copied_range {
    std::uint64_t from = 0;  ///< offset in the old content
    std::uint64_t to = 0;    ///< offset in the new content
    std::uint64_t length = 0;
    auto operator<=>(const copied_range&) const = default;
  };
  /// One chunk to fetch, once, for all the places that need it.
  struct missing_chunk {
    chunk_ref chunk;
    std::vector<std::uint64_t> to;  ///< offsets in the new content, ascending
    auto operator<=>(const missing_chunk&) const = default;
  };
  std::vector<copied_range> copies;    ///< ascending by `to`, neighbours joined
  std::vector<missing_chunk> missing;  ///< by first place

  std::uint64_t missing_bytes() const;  ///< to fetch
};

/// Copies and missing chunks together cover `now` exactly once. O(chunks).
delta_plan plan_delta(const chunk_list& old, const chunk_list& now);

}  // namespace graphite
