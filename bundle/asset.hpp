#pragma once

#include <vector>

#include "core/content.hpp"
#include "core/logical_path.hpp"

namespace graphite {

/// How a part's bytes are stored in its extent.
enum class part_codec : std::uint8_t { raw = 0 };

/// One independently loadable piece of an asset version (a file's bytes, a mip level).
struct asset_part {
  content_ref content;
  part_codec codec = part_codec::raw;
  /// SHA-256 of the bytes where content.size is 1 … single_chunk_bytes_max (the content's only chunk, so
  /// that a reader can ask for it without the list), else zero. See part_of() in bundle/index_page.hpp.
  digest only_chunk{};
  auto operator<=>(const asset_part&) const = default;
};

/// What the index says of one asset: its name, its parts in order, and the assets it needs at run time.
///
/// Limits: parts_max parts and references_max references; encode() of the index refuses more.
struct asset_record {
  static constexpr std::size_t parts_max = 64;
  static constexpr std::size_t references_max = 4096;

  logical_path path;
  std::vector<asset_part> parts;       ///< at least one
  std::vector<asset_id> references;    ///< run-time references, ascending, no duplicates
  auto operator<=>(const asset_record&) const = default;

  asset_id id() const { return id_of(path); }
};

/// What changed between two generations of a channel.
struct asset_changes {
  std::vector<asset_record> upserts;  ///< ascending by path
  std::vector<logical_path> removals; ///< ascending
  bool empty() const { return upserts.empty() && removals.empty(); }
};

}  // namespace graphite
