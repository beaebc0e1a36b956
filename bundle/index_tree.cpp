#include "bundle/index_tree.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bundle/index_loading.hpp"

namespace graphite {

index_tree::index_tree(const hasher& hash) : root_(index_node::leaf(0, {}, {}, hash)), hash_(&hash) {}

result<index_tree> index_tree::open(const digest& root, page_location where, source_ptr source,
                                    const hasher& hash) {
  GRAPHITE_TRY(auto page, source->load(root, where));
  GRAPHITE_TRY(auto node, index_node::from_stored(root, where, std::move(page), false, hash));
  if (node->depth() != 0) return fail(errc::corrupt, "an index's root is a page from below it");
  return index_tree(std::move(node), std::move(source), hash);
}

result<index_tree> index_tree::open(const head& of, page_location where, source_ptr source,
                                    const hasher& hash) {
  GRAPHITE_TRY(auto tree, open(of.root, where, std::move(source), hash));
  GRAPHITE_CHECK(check_assets(of, tree.assets()));
  return tree;
}

result<void> check_assets(const head& of, std::uint64_t assets) {
  if (of.assets == assets) return {};
  return fail(errc::corrupt, fmt::format("the head says {} assets, its index has {}", of.assets, assets));
}

index_tree index_tree::with_source(source_ptr source) const { return {root_, std::move(source), *hash_}; }

namespace {

using node_ptr = index_tree::node_ptr;

/// Moves to the entry of `id`; false where the leaf does not have it.
result<bool> seek(const index_node& leaf, asset_id id, leaf_cursor& at) {
  while (at.entry < leaf.entry_count()) {
    const auto entry = leaf.entry(at.entry);
    if (entry.id >= id) return entry.id == id;
    GRAPHITE_CHECK(skip_asset(leaf, at));
  }
  return false;
}

result<bool> visit_all(const index_context& with, const index_node& node, tree_place place,
                       const std::function<bool(const located_asset&)>& visit) {
  if (node.kind() == page_kind::leaf) {
    for (leaf_cursor at; at.entry < node.entry_count();) {
      GRAPHITE_TRY(const auto asset, read_asset(with, node, at));
      if (!visit(asset)) return false;
    }
    return true;
  }
  for (std::size_t i = 0; i < node.children().size(); ++i) {
    GRAPHITE_TRY(const auto child, load_child(with, node.links()[i], node.children()[i], place, false));
    GRAPHITE_TRY(const auto go_on, visit_all(with, *child, place.below(node.children()[i].slot), visit));
    if (!go_on) return false;
  }
  return true;
}

using page_visitor = std::function<result<void>(const node_ptr&)>;

result<void> visit_records(const index_context& with, const index_node& leaf, const page_visitor& visit) {
  std::size_t link = 0;
  for (std::size_t i = 0; i < leaf.entry_count(); ++i) {
    const auto entry = leaf.entry(i);
    if (!entry.external) continue;
    GRAPHITE_TRY(const auto record, load_record(with, leaf, link++, entry, false));
    GRAPHITE_CHECK(visit(record));
  }
  return {};
}

result<void> visit_pages(const index_context& with, const node_ptr& node, tree_place place,
                         const page_visitor& visit) {
  if (node->kind() == page_kind::leaf) GRAPHITE_CHECK(visit_records(with, *node, visit));
  for (std::size_t i = 0; i < node->children().size(); ++i) {
    const auto& claim = node->children()[i];
    GRAPHITE_TRY(const auto child, load_child(with, node->links()[i], claim, place, false));
    GRAPHITE_CHECK(visit_pages(with, child, place.below(claim.slot), visit));
  }
  return visit(node);
}

void unload_below(const index_node& node, unsigned depth, unsigned levels) {
  for (const auto& link : node.links()) {
    const auto child = link.held();
    if (!child || (depth >= levels && link.drop())) continue;
    unload_below(*child, depth + 1, levels);
  }
}

}  // namespace

result<std::optional<located_asset>> index_tree::find(asset_id id) const {
  const auto with = context_of(*this);
  auto node = root_;
  tree_place place;
  while (node->kind() == page_kind::inner) {
    const auto slot = slot_of(id, place.depth);
    const auto& children = node->children();
    const auto child =
        std::find_if(children.begin(), children.end(), [&](const auto& c) { return c.slot == slot; });
    if (child == children.end()) return std::nullopt;
    const auto& link = node->links()[static_cast<std::size_t>(child - children.begin())];
    GRAPHITE_TRY(auto next, load_child(with, link, *child, place));
    node = std::move(next);
    place = place.below(slot);
  }
  leaf_cursor at;
  GRAPHITE_TRY(const auto found, seek(*node, id, at));
  if (!found) return std::nullopt;
  GRAPHITE_TRY(auto asset, read_asset(with, *node, at));
  return std::optional(std::move(asset));
}

result<void> index_tree::for_each(const std::function<bool(const located_asset&)>& visit) const {
  GRAPHITE_TRY([[maybe_unused]] const auto went_on, visit_all(context_of(*this), *root_, {}, visit));
  return {};
}

void index_tree::unload(unsigned levels) const { unload_below(*root_, 0, levels); }

result<void> for_each_page(const index_tree& tree,
                           const std::function<result<void>(const index_tree::node_ptr& page)>& visit) {
  return visit_pages(context_of(tree), tree.root_node(), {}, visit);
}

}  // namespace graphite
