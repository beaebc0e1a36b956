#include "runtime/tree_index.hpp"

#include <algorithm>

namespace graphite {

/// Pages of trees that are not whole yet, in front of those kept.
class tree_index::pool final : public page_source {
 public:
  explicit pool(std::shared_ptr<const kept_pages> kept) : kept_(std::move(kept)) {}

  result<stored_page> load(const digest& id, page_location hint) const override {
    if (const auto found = pages_.find(id); found != pages_.end())
      return stored_page{*found->second, {}, {}, found->second};
    if (const auto found = places_.find(id); found != places_.end() && !hint.known()) hint = found->second;
    if (kept_) return kept_->load(id, hint);
    return fail(errc::not_found, "no index page " + to_hex(id));
  }
  const byte_vector* find(const digest& id) const {
    const auto found = pages_.find(id);
    return found == pages_.end() ? nullptr : found->second.get();
  }
  void add(const digest& id, byte_span page) {
    pages_.emplace(id, std::make_shared<const byte_vector>(page.begin(), page.end()));
  }
  /// Where a page of a tree that is being fetched is kept already.
  void add_place(const digest& id, page_location where) { places_.emplace(id, where); }
  void clear() {
    pages_.clear();
    places_.clear();
  }

 private:
  std::shared_ptr<const kept_pages> kept_;
  std::unordered_map<digest, page_location> places_;
  std::unordered_map<digest, std::shared_ptr<const byte_vector>> pages_;
};

tree_index::tree_index(const hasher& hash, std::shared_ptr<const kept_pages> kept)
    : hash_(hash), kept_(std::move(kept)), pool_(std::make_shared<pool>(kept_)) {
  const index_tree empty(hash);
  empty_root_ = newest_ = empty.root();
  trees_.emplace(empty_root_, empty);
}

result<void> tree_index::restore(const digest& root, page_location where) {
  if (trees_.contains(root)) return {};
  GRAPHITE_TRY(auto tree, index_tree::open(root, where, pool_, hash_));
  trees_.emplace(root, std::move(tree));
  newest_ = root;
  return {};
}

void tree_index::adopt(const index_tree& tree) {
  trees_.insert_or_assign(tree.root(), tree.with_source(pool_));
}

void tree_index::adopt_only(const index_tree& tree) {
  const index_tree empty = trees_.at(empty_root_);
  trees_.clear();
  trees_.emplace(empty_root_, empty);
  adopt(tree);
  newest_ = tree.root();
  fetching_.reset();
  wanted_.clear();
}

const index_tree* tree_index::tree(const digest& root) const {
  const auto found = trees_.find(root);
  return found == trees_.end() ? nullptr : &found->second;
}

result<digest> tree_index::apply(const digest& base, const asset_changes& changes) {
  const auto found = trees_.find(base);
  if (found == trees_.end()) return fail(errc::not_found, "the base generation is not here");
  GRAPHITE_TRY(auto tree, found->second.apply(changes));
  const digest root = tree.root();
  // What it does not hold may be loaded later from what is kept, whichever tree it began with.
  trees_.emplace(root, tree.with_source(pool_));
  return root;
}

// ---- fetching

result<std::vector<digest>> tree_index::missing(const digest& root, std::size_t most) {
  if (complete(root)) return std::vector<digest>{};
  if (fetching_ != root) {
    fetching_ = root;
    wanted_.clear();
    visited_.clear();
    const auto newest = trees_.find(newest_);
    visit(root, newest == trees_.end() ? nullptr : newest->second.root_node());
    GRAPHITE_CHECK(open_if_whole());
  }
  std::vector<digest> out;
  for (auto at = wanted_.begin(); at != wanted_.end() && out.size() < most; ++at) out.push_back(at->first);
  return out;
}

/// Wants what of the subtree is neither kept nor in the pool. Depth is bounded by the page format.
void tree_index::visit(const digest& page, const node_ptr& beside) {
  if (kept_ && kept_->has(page)) return;
  const byte_vector* held = pool_->find(page);
  if (!held)
    wanted_.emplace(page, beside);
  else if (visited_.insert(page).second)
    visit_children(*held, beside);
}

/// `beside`: the link that the newest tree has in this place, if any.
void tree_index::visit_child(const digest& page, const node_link* beside, bool is_record) {
  if (!beside) return visit(page, nullptr);
  if (beside->id() == page && beside->location().known() && kept_)
    return pool_->add_place(page, beside->location());
  visit(page, load(*beside, is_record));
}

/// Null where it cannot be read: then more is fetched than needed.
tree_index::node_ptr tree_index::load(const node_link& link, bool is_record) const {
  if (auto held = link.held()) return held;
  if (is_record || !kept_ || !link.location().known()) return nullptr;
  auto page = kept_->load(link.id(), link.location());
  if (!page) return nullptr;
  auto node = index_node::from_stored(link.id(), link.location(), std::move(*page), is_record, hash_);
  return node ? std::move(*node) : nullptr;
}

void tree_index::visit_children(byte_span page, const node_ptr& beside) {
  const auto decoded = decode_page(page);
  if (!decoded) return;  // a record blob: nothing below it
  if (const auto* inner = std::get_if<inner_page>(&*decoded)) {
    const bool alike = beside && beside->kind() == page_kind::inner;
    for (const auto& child : inner->children) {
      const node_link* link = nullptr;
      for (std::size_t i = 0; alike && i < beside->children().size(); ++i)
        if (beside->children()[i].slot == child.slot) link = &beside->links()[i];
      visit_child(child.id, link, false);
    }
    return;
  }
  const bool alike = beside && beside->kind() == page_kind::leaf;
  for (const auto offset : std::get<leaf_page>(*decoded).offsets) {
    const auto entry = entry_at(page, offset);
    if (!entry.external) continue;
    const node_link* link = nullptr;
    for (std::size_t i = 0; alike && i < beside->links().size(); ++i)
      if (beside->links()[i].id() == entry.record) link = &beside->links()[i];
    visit_child(entry.record, link, true);
  }
}

result<void> tree_index::add(const digest& id, byte_span page) {
  if (hash_.sha256(page) != id) return fail(errc::corrupt, "an index page fails its digest");
  // The digest comes from a page above or a head: content that was digested but is no page is found
  // when the tree reads it.
  const auto wanted = wanted_.find(id);
  if (wanted == wanted_.end() && fetching_) return {};
  if (page.size() > record_bytes_max) return fail(errc::corrupt, "an index page is too long");
  pool_->add(id, page);
  if (wanted == wanted_.end()) return {};
  const node_ptr beside = wanted->second;
  wanted_.erase(wanted);
  visited_.insert(id);
  visit_children(page, beside);
  return open_if_whole();
}

result<void> tree_index::open_if_whole() {
  if (!fetching_ || !wanted_.empty()) return {};
  const digest root = *fetching_;
  fetching_.reset();
  visited_.clear();
  GRAPHITE_TRY(auto tree, index_tree::open(root, {}, pool_, hash_));
  trees_.emplace(root, std::move(tree));
  return {};
}

// ---- trees

result<index_difference> tree_index::diff(const digest& from, const digest& to) {
  const index_tree* before = tree(from);
  const index_tree* after = tree(to);
  if (!before || !after) return fail(errc::not_found, "a generation to compare is not here");
  index_difference out;
  GRAPHITE_CHECK(graphite::diff(*before, *after, [&](const asset_record* old, const asset_record* now) {
    if (old) out.replaced.push_back(*old);
    if (now)
      out.changes.upserts.push_back(*now);
    else
      out.changes.removals.push_back(old->path);
    return true;
  }));
  const auto by_path = [](const asset_record& a, const asset_record& b) { return a.path < b.path; };
  std::sort(out.replaced.begin(), out.replaced.end(), by_path);
  std::sort(out.changes.upserts.begin(), out.changes.upserts.end(), by_path);
  std::sort(out.changes.removals.begin(), out.changes.removals.end());
  return out;
}

void tree_index::retain(std::span<const digest> roots) {
  std::erase_if(trees_, [&](const auto& entry) {
    return entry.first != empty_root_ && std::find(roots.begin(), roots.end(), entry.first) == roots.end();
  });
  if (!roots.empty()) newest_ = roots.front();
  if (!kept_) return;  // the pool is all there is
  // A whole tree's pages are kept by now; those of one that is being fetched are still needed.
  if (!fetching_ && roots.size() <= 1) pool_->clear();
  if (++retains_ % swaps_between_unloads != 0) return;
  for (const auto& [root, tree] : trees_) tree.unload(levels_held);
}

}  // namespace graphite
