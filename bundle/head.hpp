#pragma once

#include <string>

#include "bundle/asset.hpp"
#include "core/ids.hpp"

namespace graphite {

/// Names one generation of a channel. Total order: (epoch, sequence) within a lineage.
struct head {
  std::string channel;
  lineage_id lineage;
  epoch_number epoch;
  sequence_number sequence;
  digest root;               ///< of the index; the empty index has a root, too
  std::uint64_t assets = 0;  ///< in the index
  revision_id revision;      ///< the newest revision any of it comes from
  std::int64_t published_unix_ns = 0;
  digest behind;  ///< chunk-list digest of the side object, zero: nothing is behind or failed
  auto operator<=>(const head&) const = default;

  bool newer_than(const head& other) const {
    return epoch != other.epoch ? epoch > other.epoch : sequence > other.sequence;
  }
};

/// An asset that the newest generation does not show as its sources are.
struct behind_asset {
  enum class why { building, failed, held };  ///< held: its component has a building or failed one
  logical_path path;
  why reason = why::building;
  std::string message;  ///< of the failure, ≤ 4 KiB
};

/// The side object a head names: first `listed_max` and the count of all.
struct behind_list {
  static constexpr std::size_t listed_max = 1000;
  std::uint64_t count = 0;
  std::vector<behind_asset> listed;
};

}  // namespace graphite
