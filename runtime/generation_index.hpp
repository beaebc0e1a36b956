#pragma once

#include <optional>
#include <span>
#include <vector>

#include "bundle/asset.hpp"
#include "core/digest.hpp"
#include "core/error.hpp"

namespace graphite {

/// How one generation's assets become another's.
struct index_difference {
  asset_changes changes;
  std::vector<asset_record> replaced;  ///< former records of changed and removed assets, ascending by path
};

/// The index pages that a runtime node holds. One thread.
class generation_index {
 public:
  virtual ~generation_index() = default;

  /// How many assets `root` has; nothing where it is not complete. O(log trees).
  virtual std::optional<std::uint64_t> assets(const digest& root) const = 0;
  /// True where every page below `root` is here.
  bool complete(const digest& root) const { return assets(root).has_value(); }
  /// Root of the tree of `base` (complete) with `changes`; its pages are kept. O(changes · log n).
  /// Errors: corrupt where `changes` cannot be applied.
  virtual result<digest> apply(const digest& base, const asset_changes& changes) = 0;
  /// Pages that `root` lacks and that can be named now, at most `most`; none: it is complete.
  virtual result<std::vector<digest>> missing(const digest& root, std::size_t most) = 0;
  /// Errors: corrupt where `page` is not what `id` names or is no page.
  virtual result<void> add(const digest& id, byte_span page) = 0;
  /// Both trees are complete. Cost follows the difference.
  virtual result<index_difference> diff(const digest& from, const digest& to) = 0;
  /// Forgets every page that no tree of `roots` needs; bounded work a call, the rest later.
  virtual void retain(std::span<const digest> roots) = 0;
};

}  // namespace graphite
