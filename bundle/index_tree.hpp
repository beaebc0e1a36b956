#pragma once

#include <functional>

#include "bundle/head.hpp"
#include "bundle/index_node.hpp"

namespace graphite {

/// An asset with where its parts lie here.
struct located_asset {
  asset_record record;
  std::vector<extent> extents;  ///< one a part; empty where this tree's pages were never written or read here
};

/// The asset table of one generation: an immutable Merkle radix tree over asset_id.
///
/// A value: copies share all nodes, apply() makes a new tree that shares what did not change. Equal
/// content has an equal root, whatever the history. Pages are loaded when first needed, verified against
/// their digest, and kept until unload(). Thread-safe: const calls may run at once, on trees that share
/// nodes, too. The hasher and source must outlive it. Pages touched by a change: its path from the root.
class index_tree {
 public:
  using source_ptr = std::shared_ptr<const page_source>;
  using node_ptr = std::shared_ptr<const index_node>;

  /// The index without assets.
  explicit index_tree(const hasher& hash);
  /// The tree named `root`; loads only its root page. Errors: those of the source, corrupt.
  static result<index_tree> open(const digest& root, page_location where, source_ptr source,
                                 const hasher& hash);
  /// The tree of `of`. Errors: as above; corrupt where it does not have the assets that `of` says.
  static result<index_tree> open(const head& of, page_location where, source_ptr source, const hasher& hash);
  /// Of `records` in any order. O(n log n). Errors: those of check_record; already_exists where two have
  /// one asset_id.
  static result<index_tree> build(const std::vector<asset_record>& records, const hasher& hash);

  const digest& root() const { return root_->id(); }
  page_location root_location() const { return root_->location(); }
  std::uint64_t assets() const { return root_->assets(); }

  /// The tree with `changes` made; a removal of what is not there changes nothing. In any order, each asset
  /// at most once. O(changed · log n) pages are loaded and made.
  /// Errors: as build(), those of the source; invalid_argument where an asset is named twice;
  /// already_exists where the id belongs to another path.
  result<index_tree> apply(const asset_changes& changes) const;

  /// Nothing where it is not in the index. Errors: those of the source, corrupt.
  result<std::optional<located_asset>> find(asset_id id) const;
  /// Every asset, ascending by asset_id, until `visit` returns false.
  result<void> for_each(const std::function<bool(const located_asset&)>& visit) const;

  /// Drops pages deeper than `levels` (0: all but the root) that can be loaded again, because they have a
  /// location. Bounds memory; O(pages held).
  void unload(unsigned levels = 0) const;
  /// The same tree reading from `source` what it does not hold.
  index_tree with_source(source_ptr source) const;

  const node_ptr& root_node() const { return root_; }
  const source_ptr& source() const { return source_; }
  const hasher& hash() const { return *hash_; }

 private:
  index_tree(node_ptr root, source_ptr source, const hasher& hash)
      : root_(std::move(root)), source_(std::move(source)), hash_(&hash) {}

  node_ptr root_;
  source_ptr source_;
  const hasher* hash_;
};

/// Errors: corrupt where `of` says another count than that of its index, `assets`.
result<void> check_assets(const head& of, std::uint64_t assets);

/// Sees one asset that differs: before absent: added; after absent: removed. Return false to stop.
using difference_visitor = std::function<bool(const asset_record* before, const asset_record* after)>;

/// What turns `before` into `after`, ascending by asset_id. Descends only where digests differ.
/// Errors: those of the sources, corrupt.
result<void> diff(const index_tree& before, const index_tree& after, const difference_visitor& visit);
/// The same as changes that apply() takes. Memory as the difference.
result<asset_changes> changes_between(const index_tree& before, const index_tree& after);

/// The pages and record blobs of `after` that `before` does not have at their place, children before
/// parents: what a peer that has `before` must be sent. Empty where the roots are equal.
result<std::vector<index_tree::node_ptr>> new_pages(const index_tree& before, const index_tree& after);
/// What is held in memory only, children before parents: what must be written for this tree to last.
std::vector<index_tree::node_ptr> unwritten_pages(const index_tree& tree);

/// Every page and record blob, children before parents, read through and not kept; shared record blobs come
/// once for each asset. Errors: those of the source and of `visit`, which end the walk.
result<void> for_each_page(const index_tree& tree,
                           const std::function<result<void>(const index_tree::node_ptr& page)>& visit);

}  // namespace graphite
