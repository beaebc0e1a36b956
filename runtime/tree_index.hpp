#pragma once

#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "bundle/index_tree.hpp"
#include "runtime/generation_index.hpp"

namespace graphite {

/// Pages that outlive the process. Thread-safe as page_source is.
class kept_pages : public page_source {
 public:
  /// True for pages below which nothing is missing, where load() finds them without a hint. O(1). A keeper
  /// that finds pages by their place alone says false: what the newest tree has at the same place in the
  /// index is known to be kept anyway.
  virtual bool has(const digest& id) const = 0;
};

/// generation_index over index trees; pages being fetched are held in memory until their tree is whole.
///
/// One thread. A tree that is whole stays until retain(); whoever makes pages last (kept_pages) reads them
/// from tree() at a swap.
class tree_index final : public generation_index {
 public:
  /// `kept` may be null: nothing outlives the process.
  tree_index(const hasher& hash, std::shared_ptr<const kept_pages> kept);

  /// The tree that was active before a restart. Errors: those of the source, corrupt.
  result<void> restore(const digest& root, page_location where);
  /// Null unless complete(root).
  const index_tree* tree(const digest& root) const;
  /// `tree` stands for its root from now on: its pages have places that other copies of it lack.
  void adopt(const index_tree& tree);
  /// Forgets every tree but `tree` and the empty one: the places of others are not valid any more.
  void adopt_only(const index_tree& tree);
  digest empty_root() const { return empty_root_; }

  std::optional<std::uint64_t> assets(const digest& root) const override {
    const auto found = trees_.find(root);
    return found == trees_.end() ? std::nullopt : std::optional(found->second.assets());
  }
  result<digest> apply(const digest& base, const asset_changes& changes) override;
  result<std::vector<digest>> missing(const digest& root, std::size_t most) override;
  result<void> add(const digest& id, byte_span page) override;
  result<index_difference> diff(const digest& from, const digest& to) override;
  void retain(std::span<const digest> roots) override;

 private:
  class pool;
  static constexpr unsigned swaps_between_unloads = 64;
  static constexpr unsigned levels_held = 2;

  using node_ptr = index_tree::node_ptr;
  void visit(const digest& page, const node_ptr& beside);
  void visit_children(byte_span page, const node_ptr& beside);
  void visit_child(const digest& page, const node_link* beside, bool is_record);
  node_ptr load(const node_link& link, bool is_record) const;
  result<void> open_if_whole();

  const hasher& hash_;
  std::shared_ptr<const kept_pages> kept_;
  std::shared_ptr<pool> pool_;
  digest empty_root_;
  std::map<digest, index_tree> trees_;
  std::optional<digest> fetching_;  ///< root
  /// Pages of it that are missing and can be named, each with what the newest tree has in its place.
  std::map<digest, node_ptr> wanted_;
  /// Of the pool's pages, those whose children were looked at for it. A true index names a page once.
  std::unordered_set<digest> visited_;
  digest newest_;  ///< root of the tree that fetched ones are compared with
  unsigned retains_ = 0;
};

}  // namespace graphite
