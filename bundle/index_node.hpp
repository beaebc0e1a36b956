#pragma once

#include <atomic>

#include "bundle/page_source.hpp"

namespace graphite {

class index_node;

/// From a page to a page below it, which is perhaps not in memory. Copyable, although what it caches is
/// atomic: a copy takes what is there at the moment.
class node_link {
 public:
  node_link() = default;
  node_link(const digest& id, page_location where) : id_(id), location_(where.packed()) {}
  explicit node_link(std::shared_ptr<const index_node> node);
  node_link(const node_link& other) { *this = other; }
  node_link& operator=(const node_link& other);

  const digest& id() const { return id_; }
  page_location location() const;
  /// Null where it is not in memory.
  std::shared_ptr<const index_node> held() const { return node_.load(std::memory_order_acquire); }
  /// Keeps `node` for the next time.
  void keep(std::shared_ptr<const index_node> node) const {
    node_.store(std::move(node), std::memory_order_release);
  }
  /// Forgets the page if it has a location; true where nothing is held afterwards.
  bool drop() const;

 private:
  digest id_;
  mutable std::atomic<std::uint64_t> location_{0};
  mutable std::atomic<std::shared_ptr<const index_node>> node_;
};

/// A page or record blob in memory: its bytes, what they say, and links to what lies below.
///
/// Immutable but for what is local: the location, set once it is written, and loaded links. Thread-safe.
class index_node {
 public:
  /// Decodes and checks `page` against `id`. Errors: corrupt, newer_version.
  static result<std::shared_ptr<const index_node>> from_stored(const digest& id, page_location where,
                                                               stored_page page, bool is_record,
                                                               const hasher& hash);
  /// Made here of valid parts, so nothing is decoded again. `links` as the page lists them.
  static std::shared_ptr<const index_node> leaf(unsigned depth, const std::vector<byte_span>& entries,
                                                std::vector<node_link> links, const hasher& hash);
  static std::shared_ptr<const index_node> inner(const inner_page& page, std::vector<node_link> links,
                                                 const hasher& hash);
  static std::shared_ptr<const index_node> record(byte_vector bytes, const digest& id);

  page_kind kind() const { return kind_; }
  const digest& id() const { return id_; }
  byte_span bytes() const { return bytes_; }
  unsigned depth() const { return depth_; }
  std::uint64_t assets() const { return assets_; }            ///< in the subtree; 0 of a record
  std::uint64_t entry_bytes() const { return entry_bytes_; }  ///< sum over the subtree

  std::size_t entry_count() const { return offsets_.size(); }
  leaf_entry entry(std::size_t index) const { return entry_at(bytes_, offsets_[index]); }
  const std::vector<inner_child>& children() const { return children_; }
  /// An inner page's children, or a leaf's record blobs in the order of their entries.
  const std::vector<node_link>& links() const { return links_; }
  /// As loaded: one a part of the inline entries (leaf) or of the record; empty where unknown.
  const std::vector<extent>& extents() const { return extents_; }

  page_location location() const {
    return page_location::from_packed(location_.load(std::memory_order_relaxed));
  }
  /// Says where the page was written.
  void set_location(page_location where) const { location_.store(where.packed(), std::memory_order_relaxed); }

  index_node(const index_node&) = delete;
  index_node& operator=(const index_node&) = delete;

 private:
  index_node() = default;
  result<void> adopt_page();
  void adopt_children(std::vector<inner_child> children);
  result<void> adopt_links(const std::vector<page_location>& where);

  page_kind kind_ = page_kind::leaf;
  unsigned depth_ = 0;
  digest id_;
  byte_vector owned_;
  byte_span bytes_;
  std::shared_ptr<const void> keep_;
  std::uint64_t assets_ = 0, entry_bytes_ = 0;
  std::vector<std::uint16_t> offsets_;
  std::vector<inner_child> children_;
  std::vector<node_link> links_;
  std::vector<extent> extents_;
  mutable std::atomic<std::uint64_t> location_{0};
};

}  // namespace graphite
