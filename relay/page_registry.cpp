#include "relay/page_registry.hpp"

namespace graphite {

void page_registry::publish(const index_tree& tree) {
  const std::lock_guard lock(mutex_);
  hash_ = &tree.hash();
  trees_.push_front(tree);
  if (trees_.size() > trees_max) trees_.pop_back();
  remember(node_link(tree.root_node()), tree.source(), false);
  remember_children(*tree.root_node(), tree.source());  // snapshots carry the root page itself
}

digest page_registry::newest_root() {
  const std::lock_guard lock(mutex_);
  return trees_.empty() ? digest{} : trees_.front().root();
}

void page_registry::rebase(const index_tree& tree) {
  {
    const std::lock_guard lock(mutex_);
    trees_.remove_if([&](const index_tree& old) { return old.source() == tree.source(); });
    for (auto at = links_.begin(); at != links_.end();) {
      const bool kept = at->second.source != tree.source() || at->second.link.drop();
      if (!kept) used_.erase(at->second.used);
      at = kept ? std::next(at) : links_.erase(at);
    }
  }
  publish(tree);
}

void page_registry::remember(const node_link& link, const index_tree::source_ptr& source, bool is_record) {
  const auto found = links_.find(link.id());
  if (found != links_.end()) {
    found->second.link = link;
    found->second.source = source;
    used_.splice(used_.begin(), used_, found->second.used);
    return;
  }
  used_.push_front(link.id());
  links_.emplace(link.id(), known{link, source, is_record, used_.begin()});
  if (links_.size() > links_max) {
    links_.erase(used_.back());
    used_.pop_back();
  }
}

void page_registry::remember_children(const index_node& node, const index_tree::source_ptr& source) {
  const bool leaf = node.kind() == page_kind::leaf;
  for (const auto& link : node.links()) remember(link, source, leaf);
}

std::optional<byte_vector> page_registry::find(const digest& page) {
  const std::lock_guard lock(mutex_);
  const auto found = links_.find(page);
  if (found == links_.end()) return std::nullopt;
  const auto source = found->second.source;
  auto node = found->second.link.held();
  if (!node) {
    if (!source) return std::nullopt;
    auto stored = source->load(page, found->second.link.location());
    if (!stored) return std::nullopt;
    auto made = index_node::from_stored(page, found->second.link.location(), std::move(*stored),
                                        found->second.is_record, *hash_);
    if (!made) return std::nullopt;
    node = *made;
  }
  used_.splice(used_.begin(), used_, found->second.used);
  remember_children(*node, source);
  return byte_vector(node->bytes().begin(), node->bytes().end());
}

}  // namespace graphite
