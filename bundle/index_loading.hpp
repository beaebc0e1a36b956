#pragma once

#include "bundle/index_tree.hpp"

/// \file Private to the index tree: from links to nodes, checked against what the parent said.

namespace graphite {

/// What loading needs beside the link.
struct index_context {
  const page_source* source;  ///< null: everything must be held
  const hasher* hash;
};

/// `prefix` has the nibbles of the path from the root in its top bits.
struct tree_place {
  unsigned depth = 0;
  std::uint64_t prefix = 0;

  tree_place below(unsigned slot) const {
    return {depth + 1, prefix | std::uint64_t{slot} << (60 - 4 * depth)};
  }
};

inline index_context context_of(const index_tree& tree) { return {tree.source().get(), &tree.hash()}; }

/// The child of the inner page at `place` that `link` leads to and `claim` describes; kept in the link
/// where `keep`. Errors: those of the source, corrupt.
result<index_tree::node_ptr> load_child(const index_context& with, const node_link& link,
                                        const inner_child& claim, tree_place place, bool keep = true);
/// Record blob `index` of a leaf.
result<index_tree::node_ptr> load_record(const index_context& with, const index_node& leaf, std::size_t index,
                                         const leaf_entry& entry, bool keep = true);
/// Entry `index` as an asset with its extents; `link` is how many external entries come before it and
/// `first_extent` how many inline parts. Both are moved on.
struct leaf_cursor {
  std::size_t entry = 0, link = 0, extent = 0;
};
result<located_asset> read_asset(const index_context& with, const index_node& leaf, leaf_cursor& at);
/// Moves on without reading.
result<void> skip_asset(const index_node& leaf, leaf_cursor& at);

}  // namespace graphite
