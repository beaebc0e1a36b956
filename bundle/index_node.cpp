#include "bundle/index_node.hpp"

#include "bundle/chunk_list.hpp"

namespace graphite {

node_link::node_link(std::shared_ptr<const index_node> node) : id_(node->id()), node_(std::move(node)) {}

node_link& node_link::operator=(const node_link& other) {
  if (this == &other) return *this;
  id_ = other.id_;
  location_.store(other.location_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  node_.store(other.node_.load(std::memory_order_acquire), std::memory_order_release);
  return *this;
}

page_location node_link::location() const {
  if (const auto node = held(); node && node->location().known()) return node->location();
  return page_location::from_packed(location_.load(std::memory_order_relaxed));
}

bool node_link::drop() const {
  const auto where = location();
  if (!where.known()) return held() == nullptr;
  location_.store(where.packed(), std::memory_order_relaxed);
  node_.store(nullptr, std::memory_order_release);
  return true;
}

/// Fills in what the bytes say, for bytes that are a valid page.
result<void> index_node::adopt_page() {
  GRAPHITE_TRY(auto page, decode_page(bytes_));
  if (auto* leaf = std::get_if<leaf_page>(&page)) {
    kind_ = page_kind::leaf;
    depth_ = leaf->depth;
    offsets_ = std::move(leaf->offsets);
    assets_ = offsets_.size();
    entry_bytes_ = bytes_.size() - page_header_bytes;
    return {};
  }
  auto& inner = std::get<inner_page>(page);
  kind_ = page_kind::inner;
  depth_ = inner.depth;
  adopt_children(std::move(inner.children));
  return {};
}

void index_node::adopt_children(std::vector<inner_child> children) {
  children_ = std::move(children);
  for (const auto& child : children_) {
    assets_ += child.assets;
    entry_bytes_ += child.entry_bytes;
  }
}

/// Links from the bytes and the local pointers, which are either all there or not at all.
result<void> index_node::adopt_links(const std::vector<page_location>& where) {
  std::vector<digest> ids;
  for (const auto& child : children_) ids.push_back(child.id);
  for (std::size_t i = 0; i < entry_count(); ++i)
    if (const auto at = entry(i); at.external) ids.push_back(at.record);
  if (!where.empty() && where.size() != ids.size())
    return fail(errc::corrupt, "a page has too few or many links");
  links_.reserve(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i)
    links_.emplace_back(ids[i], where.empty() ? page_location{} : where[i]);
  return {};
}

namespace {

/// How many extents belong beside a page: one a part of what it holds itself.
result<std::size_t> extents_of(const index_node& node) {
  if (node.kind() == page_kind::record) return count_parts(node.bytes());
  std::size_t out = 0;
  for (std::size_t i = 0; i < node.entry_count(); ++i) {
    const auto entry = node.entry(i);
    if (entry.external) continue;
    GRAPHITE_TRY(const auto parts, count_parts(entry.body));
    out += parts;
  }
  return out;
}

}  // namespace

result<std::shared_ptr<const index_node>> index_node::from_stored(const digest& id, page_location where,
                                                                  stored_page page, bool is_record,
                                                                  const hasher& hash) {
  if (page.bytes.size() > (is_record ? record_bytes_max : page_bytes_max))
    return fail(errc::corrupt, "an index page is too large");
  if (hash.sha256(page.bytes) != id)
    return fail(errc::corrupt, "index page " + to_hex(id) + " fails its digest");
  const std::shared_ptr<index_node> out(new index_node);
  out->id_ = id;
  out->bytes_ = page.bytes;
  out->keep_ = std::move(page.keep);
  out->set_location(where);
  if (is_record) {
    out->kind_ = page_kind::record;
    if (!page.links.empty()) return fail(errc::corrupt, "a record blob has links");
  } else {
    GRAPHITE_CHECK(out->adopt_page());
    GRAPHITE_CHECK(out->adopt_links(page.links));
  }
  GRAPHITE_TRY(const auto extents, extents_of(*out));
  if (!page.extents.empty() && page.extents.size() != extents)
    return fail(errc::corrupt, "a page has too few or many extents");
  out->extents_ = std::move(page.extents);
  return std::shared_ptr<const index_node>(out);
}

std::shared_ptr<const index_node> index_node::leaf(unsigned depth, const std::vector<byte_span>& entries,
                                                   std::vector<node_link> links, const hasher& hash) {
  const std::shared_ptr<index_node> out(new index_node);
  out->kind_ = page_kind::leaf;
  out->depth_ = depth;
  out->owned_ = encode_leaf(depth, entries);
  out->bytes_ = out->owned_;
  out->id_ = hash.sha256(out->bytes_);
  out->assets_ = entries.size();
  out->entry_bytes_ = out->bytes_.size() - page_header_bytes;
  out->offsets_.reserve(entries.size());
  std::size_t at = page_header_bytes;
  for (const auto entry : entries) {
    out->offsets_.push_back(static_cast<std::uint16_t>(at));
    at += entry.size();
  }
  out->links_ = std::move(links);
  return out;
}

std::shared_ptr<const index_node> index_node::inner(const inner_page& page, std::vector<node_link> links,
                                                    const hasher& hash) {
  GRAPHITE_INVARIANT(links.size() == page.children.size());
  const std::shared_ptr<index_node> out(new index_node);
  out->kind_ = page_kind::inner;
  out->depth_ = page.depth;
  out->owned_ = encode_inner(page);
  out->bytes_ = out->owned_;
  out->id_ = hash.sha256(out->bytes_);
  out->adopt_children(page.children);
  out->links_ = std::move(links);
  return out;
}

std::shared_ptr<const index_node> index_node::record(byte_vector bytes, const digest& id) {
  const std::shared_ptr<index_node> out(new index_node);
  out->kind_ = page_kind::record;
  out->owned_ = std::move(bytes);
  out->bytes_ = out->owned_;
  out->id_ = id;
  return out;
}

}  // namespace graphite
