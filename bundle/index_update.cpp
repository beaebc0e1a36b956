#include <algorithm>

#include "bundle/index_loading.hpp"

/// \file index_tree::build and apply: path copying that keeps the canonical split.

namespace graphite {

namespace {

using node_ptr = index_tree::node_ptr;

/// An entry on its way into a leaf: taken over from a page, or made of a record.
struct item {
  asset_id id;
  std::uint32_t bytes = 0;
  byte_span encoded;  ///< in `owner`
  const asset_record* record = nullptr;
  node_ptr owner;  ///< keeps `encoded`
  std::optional<node_link> external;
};

/// One asset to be set, or removed where `record` is null.
struct change {
  asset_id id;
  const asset_record* record = nullptr;
  std::string_view path;
};

using items = std::vector<item>;
using item_span = std::span<const item>;
using change_span = std::span<const change>;

item item_of(const asset_record& record, asset_id id) {
  item out;
  out.id = id;
  out.bytes = static_cast<std::uint32_t>(entry_bytes(record));
  out.record = &record;
  return out;
}

/// Appends all entries of a leaf.
void take_entries(const node_ptr& leaf, items& out) {
  std::size_t link = 0;
  for (std::size_t i = 0; i < leaf->entry_count(); ++i) {
    const auto entry = leaf->entry(i);
    item next;
    next.id = entry.id;
    next.bytes = static_cast<std::uint32_t>(entry.encoded.size());
    next.encoded = entry.encoded;
    next.owner = leaf;
    if (entry.external) next.external = leaf->links()[link++];
    out.push_back(std::move(next));
  }
}

std::uint64_t total_bytes(item_span from) {
  std::uint64_t out = 0;
  for (const auto& each : from) out += each.bytes;
  return out;
}

node_ptr make_leaf(item_span from, unsigned depth, const hasher& hash) {
  std::vector<encoded_asset> fresh;
  fresh.reserve(from.size());
  std::vector<byte_span> entries;
  std::vector<node_link> links;
  for (const auto& each : from) {
    if (each.record == nullptr) {
      entries.push_back(each.encoded);
      if (each.external) links.push_back(*each.external);
      continue;
    }
    auto& made = fresh.emplace_back(encode_asset(*each.record, hash));
    entries.push_back(made.entry);
    if (!made.record_id.is_zero())
      links.emplace_back(index_node::record(std::move(made.record), made.record_id));
  }
  return index_node::leaf(depth, entries, std::move(links), hash);
}

/// An inner page that is being put together from what becomes of its children.
struct inner_draft {
  inner_page page;
  std::vector<node_link> links;

  void add(unsigned slot, const node_ptr& node) {
    if (!node) return;
    page.children.push_back({slot, node->assets(), node->entry_bytes(), node->id()});
    links.emplace_back(node);
  }
  void add(const inner_child& child, const node_link& link) {
    page.children.push_back(child);
    links.push_back(link);
  }
  std::uint64_t entry_bytes() const {
    std::uint64_t out = 0;
    for (const auto& child : page.children) out += child.entry_bytes;
    return out;
  }
};

/// The first elements of `from` that belong below `slot` of a page at `depth`; takes them off the front.
template <class T>
std::span<const T> take_slot(std::span<const T>& from, unsigned slot, unsigned depth) {
  std::size_t count = 0;
  while (count < from.size() && slot_of(from[count].id, depth) == slot) ++count;
  const auto out = from.first(count);
  from = from.subspan(count);
  return out;
}

/// The subtree of these entries, ascending by id, which share the first `depth` nibbles. Null for none,
/// except at the root.
node_ptr make_subtree(item_span from, unsigned depth, const hasher& hash) {
  if (from.empty() && depth > 0) return nullptr;
  if (fits_leaf(total_bytes(from))) return make_leaf(from, depth, hash);
  GRAPHITE_INVARIANT(depth < index_depth_max);
  inner_draft draft{{depth, {}}, {}};
  for (unsigned slot = 0; slot < 16; ++slot)
    if (const auto below = take_slot(from, slot, depth); !below.empty())
      draft.add(slot, make_subtree(below, depth + 1, hash));
  return index_node::inner(draft.page, std::move(draft.links), hash);
}

tl::unexpected<error> fail_collision(std::string_view path) {
  return fail(errc::already_exists,
              std::string(path) + " has the asset_id of another path: rename one of them");
}

/// Sorts by id; refuses assets that are named twice.
result<void> order(std::vector<change>& changes) {
  std::sort(changes.begin(), changes.end(), [](const change& a, const change& b) { return a.id < b.id; });
  for (std::size_t i = 1; i < changes.size(); ++i) {
    if (changes[i].id != changes[i - 1].id) continue;
    if (changes[i].path != changes[i - 1].path) return fail_collision(changes[i].path);
    return fail(errc::invalid_argument, std::string(changes[i].path) + " is changed twice at once");
  }
  return {};
}

/// Applies changes to one tree; the functions give the node that takes the old one's place.
class updater {
 public:
  explicit updater(const index_context& with) : with_(with) {}

  result<node_ptr> update(const node_ptr& old, change_span changes, tree_place place) const {
    return old->kind() == page_kind::leaf ? update_leaf(old, changes, place.depth)
                                          : update_inner(old, changes, place);
  }

 private:
  result<node_ptr> update_leaf(const node_ptr& old, change_span changes, unsigned depth) const {
    items before, after;
    take_entries(old, before);
    auto at = before.begin();
    for (const auto& each : changes) {
      while (at != before.end() && at->id < each.id) after.push_back(std::move(*at++));
      if (at != before.end() && at->id == each.id) {
        if (entry_at(at->encoded, 0).path != each.path) return fail_collision(each.path);
        ++at;
      }
      if (each.record != nullptr) after.push_back(item_of(*each.record, each.id));
    }
    std::move(at, before.end(), std::back_inserter(after));
    auto now = make_subtree(after, depth, *with_.hash);
    return now && now->id() == old->id() ? old : now;
  }

  result<node_ptr> update_inner(const node_ptr& old, change_span changes, tree_place place) const {
    inner_draft draft{{place.depth, {}}, {}};
    std::size_t child = 0;
    for (unsigned slot = 0; slot < 16; ++slot) {
      const auto mine = take_slot(changes, slot, place.depth);
      const bool had = child < old->children().size() && old->children()[child].slot == slot;
      if (mine.empty() && had) draft.add(old->children()[child], old->links()[child]);
      if (!mine.empty()) {
        GRAPHITE_TRY(const auto now,
                     update_slot(*old, had ? std::optional(child) : std::nullopt, mine, place));
        draft.add(slot, now);
      }
      child += had;
    }
    if (fits_leaf(draft.entry_bytes())) return merge(draft, place);
    if (draft.page.children == old->children()) return old;
    return index_node::inner(draft.page, std::move(draft.links), *with_.hash);
  }

  result<node_ptr> update_slot(const index_node& parent, std::optional<std::size_t> child,
                               change_span changes, tree_place place) const {
    if (!child) {
      items fresh;
      for (const auto& each : changes)
        if (each.record != nullptr) fresh.push_back(item_of(*each.record, each.id));
      return make_subtree(fresh, place.depth + 1, *with_.hash);
    }
    const auto& claim = parent.children()[*child];
    GRAPHITE_TRY(const auto node, load_child(with_, parent.links()[*child], claim, place));
    return update(node, changes, place.below(claim.slot));
  }

  /// The children together fit one leaf, so each of them is a leaf already.
  result<node_ptr> merge(const inner_draft& draft, tree_place place) const {
    items all;
    for (std::size_t i = 0; i < draft.links.size(); ++i) {
      GRAPHITE_TRY(const auto leaf, load_child(with_, draft.links[i], draft.page.children[i], place));
      if (leaf->kind() != page_kind::leaf) return fail(errc::corrupt, "an inner page should be a leaf");
      take_entries(leaf, all);
    }
    return make_subtree(all, place.depth, *with_.hash);
  }

  const index_context& with_;
};

}  // namespace

result<index_tree> index_tree::build(const std::vector<asset_record>& records, const hasher& hash) {
  std::vector<change> all;
  all.reserve(records.size());
  for (const auto& record : records) {
    GRAPHITE_CHECK(check_record(record, hash));
    all.push_back({record.id(), &record, record.path.str()});
  }
  GRAPHITE_CHECK(order(all));
  items entries;
  entries.reserve(all.size());
  for (const auto& each : all) entries.push_back(item_of(*each.record, each.id));
  return index_tree(make_subtree(entries, 0, hash), nullptr, hash);
}

result<index_tree> index_tree::apply(const asset_changes& changes) const {
  std::vector<change> all;
  all.reserve(changes.upserts.size() + changes.removals.size());
  for (const auto& record : changes.upserts) {
    GRAPHITE_CHECK(check_record(record, *hash_));
    all.push_back({record.id(), &record, record.path.str()});
  }
  for (const auto& path : changes.removals) all.push_back({id_of(path), nullptr, path.str()});
  GRAPHITE_CHECK(order(all));
  if (all.empty()) return *this;
  const auto with = context_of(*this);
  GRAPHITE_TRY(auto root, updater(with).update(root_, all, {}));
  return index_tree(std::move(root), source_, *hash_);
}

}  // namespace graphite
