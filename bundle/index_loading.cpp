#include "bundle/index_loading.hpp"

namespace graphite {

namespace {

result<index_tree::node_ptr> load(const index_context& with, const node_link& link, bool is_record) {
  if (with.source == nullptr)
    return fail(errc::not_found, "index page " + to_hex(link.id()) + " is not held");
  const auto where = link.location();
  GRAPHITE_TRY(auto page, with.source->load(link.id(), where));
  return index_node::from_stored(link.id(), where, std::move(page), is_record, *with.hash);
}

/// A page must be what its parent says: the digest alone does not keep a hostile index from lying.
bool fits_parent(const index_node& node, const inner_child& claim, tree_place place) {
  if (node.depth() != place.depth || node.assets() != claim.assets || node.entry_bytes() != claim.entry_bytes)
    return false;
  return node.kind() != page_kind::leaf || node.entry_count() == 0 ||
         same_prefix(node.entry(0).id.value, place.prefix, place.depth);
}

}  // namespace

result<index_tree::node_ptr> load_child(const index_context& with, const node_link& link,
                                        const inner_child& claim, tree_place place, bool keep) {
  if (auto held = link.held()) return held;
  GRAPHITE_TRY(auto node, load(with, link, false));
  if (!fits_parent(*node, claim, place.below(claim.slot)))
    return fail(errc::corrupt, "index page " + to_hex(node->id()) + " is not what its parent says");
  if (keep) link.keep(node);
  return node;
}

result<index_tree::node_ptr> load_record(const index_context& with, const index_node& leaf, std::size_t index,
                                         const leaf_entry& entry, bool keep) {
  const auto& link = leaf.links()[index];
  if (auto held = link.held()) return held;
  GRAPHITE_TRY(auto node, load(with, link, true));
  if (node->bytes().size() != entry.body_bytes)
    return fail(errc::corrupt, "record " + to_hex(node->id()) + " is not what its page says");
  if (keep) link.keep(node);
  return node;
}

result<void> skip_asset(const index_node& leaf, leaf_cursor& at) {
  const auto entry = leaf.entry(at.entry++);
  if (entry.external) {
    ++at.link;
    return {};
  }
  GRAPHITE_TRY(const auto parts, count_parts(entry.body));
  at.extent += parts;
  return {};
}

result<located_asset> read_asset(const index_context& with, const index_node& leaf, leaf_cursor& at) {
  const auto entry = leaf.entry(at.entry);
  const auto here = at;
  GRAPHITE_CHECK(skip_asset(leaf, at));
  if (entry.external) {
    GRAPHITE_TRY(const auto record, load_record(with, leaf, here.link, entry));
    GRAPHITE_TRY(auto asset, decode_asset(entry, record->bytes(), *with.hash));
    return located_asset{std::move(asset), record->extents()};
  }
  GRAPHITE_TRY(auto asset, decode_asset(entry, entry.body, *with.hash));
  located_asset out{std::move(asset), {}};
  const auto& extents = leaf.extents();
  if (!extents.empty())
    out.extents.assign(extents.begin() + static_cast<std::ptrdiff_t>(here.extent),
                       extents.begin() + static_cast<std::ptrdiff_t>(at.extent));
  return out;
}

}  // namespace graphite
