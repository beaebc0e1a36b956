#include <algorithm>

#include "bundle/index_loading.hpp"

/// \file diff, changes_between, new_pages, unwritten_pages: walks that follow the difference.

namespace graphite {

namespace {

using node_ptr = index_tree::node_ptr;

/// A subtree of one of two trees: a whole node, or the entries of a leaf that belong below one slot, so
/// that a leaf can be walked beside the inner page that took its place. Null node: nothing there.
struct side {
  index_context with;
  node_ptr node;
  tree_place place;
  std::size_t begin = 0, end = 0;  ///< entries of a leaf

  static side whole(const index_context& with, node_ptr node, tree_place place) {
    const auto count = node ? node->entry_count() : 0;
    return {with, std::move(node), place, 0, count};
  }
  bool is_inner() const { return node && node->kind() == page_kind::inner; }
};

/// The name of a whole child, before it is loaded; nothing where there is none or it is part of a leaf.
const digest* child_id(const side& of, unsigned slot) {
  if (!of.is_inner()) return nullptr;
  for (const auto& child : of.node->children())
    if (child.slot == slot) return &child.id;
  return nullptr;
}

result<side> child_side(const side& of, unsigned slot) {
  side out{of.with, nullptr, of.place.below(slot), 0, 0};
  if (of.is_inner()) {
    const auto& children = of.node->children();
    for (std::size_t i = 0; i < children.size(); ++i) {
      if (children[i].slot != slot) continue;
      GRAPHITE_TRY(auto node, load_child(of.with, of.node->links()[i], children[i], of.place, false));
      return side::whole(of.with, std::move(node), out.place);
    }
    return out;
  }
  if (!of.node) return out;
  out.begin = of.begin;
  while (out.begin < of.end && slot_of(of.node->entry(out.begin).id, of.place.depth) < slot) ++out.begin;
  out.end = out.begin;
  while (out.end < of.end && slot_of(of.node->entry(out.end).id, of.place.depth) == slot) ++out.end;
  if (out.begin < out.end) out.node = of.node;
  return out;
}

/// Calls `step(before, after)` for each slot in which the two differ; false stops.
template <class Step>
result<bool> each_differing_slot(const side& before, const side& after, const Step& step) {
  for (unsigned slot = 0; slot < 16; ++slot) {
    const auto* old_id = child_id(before, slot);
    const auto* new_id = child_id(after, slot);
    if (old_id && new_id && *old_id == *new_id) continue;
    GRAPHITE_TRY(const auto old_child, child_side(before, slot));
    GRAPHITE_TRY(const auto new_child, child_side(after, slot));
    if (!old_child.node && !new_child.node) continue;
    GRAPHITE_TRY(const auto go_on, step(old_child, new_child));
    if (!go_on) return false;
  }
  return true;
}

/// Reads a leaf's assets in order, from `side::begin` on.
class leaf_reader {
 public:
  explicit leaf_reader(const side& of) : side_(of) {}

  /// Moves to the first entry; needed once.
  result<void> start() {
    while (side_.node && at_.entry < side_.begin) GRAPHITE_CHECK(skip_asset(*side_.node, at_));
    return {};
  }
  bool done() const { return !side_.node || at_.entry >= side_.end; }
  leaf_entry entry() const { return side_.node->entry(at_.entry); }
  result<located_asset> read() { return read_asset(side_.with, *side_.node, at_); }
  result<void> skip() { return skip_asset(*side_.node, at_); }

 private:
  const side& side_;
  leaf_cursor at_;
};

result<bool> diff_leaves(const side& before, const side& after, const difference_visitor& visit) {
  leaf_reader was(before), now(after);
  GRAPHITE_CHECK(was.start());
  GRAPHITE_CHECK(now.start());
  bool go_on = true;
  while (go_on && (!was.done() || !now.done())) {
    const bool take_old = now.done() || (!was.done() && was.entry().id <= now.entry().id);
    const bool take_new = was.done() || (!now.done() && now.entry().id <= was.entry().id);
    if (take_old && take_new && std::ranges::equal(was.entry().encoded, now.entry().encoded)) {
      GRAPHITE_CHECK(was.skip());
      GRAPHITE_CHECK(now.skip());
      continue;
    }
    std::optional<located_asset> old_asset, new_asset;
    if (take_old) {
      GRAPHITE_TRY(old_asset, was.read());
    }
    if (take_new) {
      GRAPHITE_TRY(new_asset, now.read());
    }
    go_on = visit(old_asset ? &old_asset->record : nullptr, new_asset ? &new_asset->record : nullptr);
  }
  return go_on;
}

result<bool> diff_sides(const side& before, const side& after, const difference_visitor& visit) {
  if (!before.is_inner() && !after.is_inner()) return diff_leaves(before, after, visit);
  return each_differing_slot(before, after,
                             [&](const side& a, const side& b) { return diff_sides(a, b, visit); });
}

side root_side(const index_tree& tree) { return side::whole(context_of(tree), tree.root_node(), {}); }

/// Record blobs of `leaf` that `before`, where it is a leaf, does not have.
result<void> new_records(const node_ptr& before, const side& leaf, std::vector<node_ptr>& out) {
  std::size_t link = 0;
  for (std::size_t i = 0; i < leaf.node->entry_count(); ++i) {
    const auto entry = leaf.node->entry(i);
    if (!entry.external) continue;
    const auto index = link++;
    const auto known = [&](const node_link& other) { return other.id() == entry.record; };
    if (before && before->kind() == page_kind::leaf && std::ranges::any_of(before->links(), known)) continue;
    GRAPHITE_TRY(auto record, load_record(leaf.with, *leaf.node, index, entry, false));
    out.push_back(std::move(record));
  }
  return {};
}

result<bool> collect_new(const side& before, const side& after, std::vector<node_ptr>& out) {
  if (!after.node) return true;
  if (after.is_inner()) {
    GRAPHITE_TRY([[maybe_unused]] const auto all,
                 each_differing_slot(before, after,
                                     [&](const side& a, const side& b) { return collect_new(a, b, out); }));
  } else {
    GRAPHITE_CHECK(new_records(before.node, after, out));
  }
  out.push_back(after.node);
  return true;
}

void collect_unwritten(const node_ptr& node, std::vector<node_ptr>& out) {
  if (node->location().known()) return;
  for (const auto& link : node->links())
    if (const auto below = link.held()) collect_unwritten(below, out);
  out.push_back(node);
}

}  // namespace

result<void> diff(const index_tree& before, const index_tree& after, const difference_visitor& visit) {
  if (before.root() == after.root()) return {};
  GRAPHITE_TRY([[maybe_unused]] const auto all, diff_sides(root_side(before), root_side(after), visit));
  return {};
}

result<asset_changes> changes_between(const index_tree& before, const index_tree& after) {
  asset_changes out;
  GRAPHITE_CHECK(diff(before, after, [&](const asset_record* was, const asset_record* now) {
    if (now != nullptr)
      out.upserts.push_back(*now);
    else
      out.removals.push_back(was->path);
    return true;
  }));
  std::ranges::sort(out.upserts, {}, &asset_record::path);
  std::ranges::sort(out.removals);
  return out;
}

result<std::vector<index_tree::node_ptr>> new_pages(const index_tree& before, const index_tree& after) {
  std::vector<node_ptr> out;
  if (before.root() == after.root()) return out;
  GRAPHITE_TRY([[maybe_unused]] const auto all, collect_new(root_side(before), root_side(after), out));
  return out;
}

std::vector<index_tree::node_ptr> unwritten_pages(const index_tree& tree) {
  std::vector<node_ptr> out;
  collect_unwritten(tree.root_node(), out);
  return out;
}

}  // namespace graphite
