#pragma once

#include <memory_resource>
#include <vector>

#include "bundle/asset.hpp"
#include "core/error.hpp"
#include "runtime/generation.hpp"

namespace graphite {

/// Exactly what differs between two generations: ids, ascending.
struct change_set {
  using ids = std::pmr::vector<std::uint64_t>;

  explicit change_set(std::pmr::memory_resource* memory = std::pmr::get_default_resource())
      : added(memory), changed(memory), removed(memory) {}
  ids added, changed, removed;

  std::size_t size() const { return added.size() + changed.size() + removed.size(); }
  /// All of them, ascending.
  std::vector<asset_id> all() const;
};

/// `records` turn `before` into another generation; sorted out into added and changed.
change_set sort_changes(const generation& before, const asset_changes& records,
                        std::pmr::memory_resource* memory = std::pmr::get_default_resource());
/// Reads the pages in which they differ. Errors: corrupt, not_found, io.
result<change_set> changes_between(const generation& before, const generation& after,
                                   std::pmr::memory_resource* memory = std::pmr::get_default_resource());

}  // namespace graphite
