#pragma once

#include <array>
#include <functional>
#include <vector>

#include "bundle/bundle_files.hpp"
#include "bundle/lookup_cache.hpp"

namespace graphite {

/// Where assets were found, shared by generations that follow one another.
///
/// A place that one of them found is right for another unless the asset changed in between: such assets are
/// remembered by each generation by themselves, until they are more than `apart_max`; then the next
/// generation begins a table of its own. Whatever is begun is filled with what is known already: no reader
/// of a new generation pays for it. Thread-safe once it is shared.
class lookup_memory {
 public:
  static constexpr std::size_t apart_max = 2'000;  ///< a table of 64 KiB

  lookup_memory() = default;
  lookup_memory(const bundle_files& files, std::uint64_t assets);
  /// What `before` remembers but for `changed` (ids, ascending), which differ: of these it remembers
  /// `place_of` (unknown: nothing). O(apart_max), and O(assets) each time so many have changed.
  static lookup_memory after(const lookup_memory& before, const std::vector<asset_id>& changed,
                             const std::function<asset_place(asset_id)>& place_of, const bundle_files& files,
                             std::uint64_t assets);

  asset_place find(asset_id id) const noexcept { return table(id).find(id); }
  void put(asset_id id, asset_place place) const noexcept { table(id).put(id, place); }
  std::size_t apart() const { return apart_ids_.size(); }

 private:
  static constexpr std::size_t filter_bits = 1 << 14;
  /// Ids are hashes: so one bit an id rules nearly all others out while few have changed.
  static std::size_t filter_bit(asset_id id) noexcept { return id.value >> 20 & (filter_bits - 1); }
  const lookup_cache& table(asset_id id) const noexcept {
    const auto bit = filter_bit(id);
    if ((filter_[bit / 64] >> (bit % 64) & 1) == 0) [[likely]]
      return shared_;
    return std::binary_search(apart_ids_.begin(), apart_ids_.end(), id) ? apart_ : shared_;
  }

  lookup_cache shared_, apart_;
  std::vector<asset_id> apart_ids_;  ///< ascending
  std::array<std::uint64_t, filter_bits / 64> filter_{};
};

}  // namespace graphite
