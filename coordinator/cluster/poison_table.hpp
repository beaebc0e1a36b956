#pragma once

#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/cluster/cluster_types.hpp"

namespace graphite {

/// Actions that a tenant may not run any more, each with the reason.
///
/// Pure. O(log entries). Bound: `entries_max`; the oldest goes, and may then kill again.
class poison_table {
 public:
  explicit poison_table(std::size_t entries_max = 4'096) : entries_max_(entries_max) {}

  struct entry {
    tenant_index tenant = 0;
    digest key;
    std::string reason;
  };
  /// The reason stays the first one.
  void add(entry what);
  /// Null where it is not poison.
  const std::string* find(tenant_index tenant, const digest& key) const;
  /// An operator says that it may run again. False where it is not poison.
  bool forgive(tenant_index tenant, const digest& key);
  /// Oldest first.
  std::vector<entry> list() const;

 private:
  using name = std::pair<tenant_index, digest>;
  std::size_t entries_max_;
  std::map<name, std::string> reasons_;
  std::deque<name> order_;
};

}  // namespace graphite
