#pragma once

#include <cstdint>
#include <numeric>
#include <vector>

#include "core/digest.hpp"
#include "core/ids.hpp"
#include "core/units.hpp"

namespace graphite {

/// Bytes addressed by what they are. `id` is the digest of the content's chunk list
/// (bundle/chunk_list.hpp), never of the bytes themselves; `size` is in bytes.
struct content_ref {
  digest id;
  std::uint64_t size = 0;
  auto operator<=>(const content_ref&) const = default;
};

/// One chunk: SHA-256 of its uncompressed bytes.
struct chunk_ref {
  digest id;
  std::uint32_t size = 0;
  auto operator<=>(const chunk_ref&) const = default;
};

/// The chunks of one content, in order. An empty file has none.
struct chunk_list {
  std::vector<chunk_ref> chunks;
  bool operator==(const chunk_list&) const = default;

  std::uint64_t total_bytes() const {
    return std::accumulate(chunks.begin(), chunks.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const chunk_ref& c) { return sum + c.size; });
  }
};

/// A byte range of one segment file.
struct extent {
  segment_id segment;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  auto operator<=>(const extent&) const = default;
};

/// Content up to this size rides in heads and journal records.
inline constexpr std::uint64_t inline_bytes_max = 32 * KiB;
/// Content up to this size is one chunk.
inline constexpr std::uint64_t single_chunk_bytes_max = 64 * KiB;

}  // namespace graphite
