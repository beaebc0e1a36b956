#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/error.hpp"

namespace graphite {

/// Where pages are to lie.
struct placement_policy {
  enum class kind { local, prefer, bind, interleave };
  kind how = kind::local;  ///< local: on the node of whoever touches first, as the system does by itself
  std::vector<unsigned> nodes{};  ///< prefer: one; bind, interleave: one or more; local: none
};

/// Places memory on NUMA nodes. Ranges are whole pages that the caller has mapped. Thread-safe.
class memory_placement {
 public:
  virtual ~memory_placement() = default;
  /// For pages touched from now on. Errors: unsupported (refused here: then the pages lie as the system
  /// likes and all works as before; the context says why), invalid_argument (no such node).
  virtual result<void> apply(std::span<std::byte> pages, const placement_policy& policy) = 0;
  /// Moves pages that exist; how many of them now lie on `node`. Errors: as above.
  virtual result<std::size_t> move(std::span<std::byte> pages, unsigned node) = 0;
  /// The node of each page, or none where it was never touched. Errors: unsupported.
  virtual result<std::vector<std::optional<unsigned>>> where(std::span<const std::byte> pages) const = 0;
  /// Empty where placing works here; else why not, for `status` and `doctor`.
  virtual std::string reason() const = 0;
};

}  // namespace graphite
