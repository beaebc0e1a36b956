#pragma once

#include <list>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "bundle/index_tree.hpp"

namespace graphite {

/// Finds index pages by digest for those who walk an index from its root.
///
/// Knows the published roots, the pages below them, and those below any page that it handed out, no others: a
/// walk from the root down always succeeds, and no table of all pages is kept. Thread-safe. Bound:
/// `links_max` links, the least recently used go; who asks for a page that was forgotten begins again at the
/// root.
class page_registry {
 public:
  static constexpr std::size_t links_max = 1 << 18;
  static constexpr std::size_t trees_max = 8;

  /// Makes `tree` the newest generation whose pages are given out; the oldest of `trees_max` goes.
  void publish(const index_tree& tree);
  /// The pages of `tree`'s source have moved; `tree`, the newest generation, has their new places. Older
  /// trees of that source are let go. Who walks one finds the pages that the source still has; for others he
  /// is refused and begins again at the newest root.
  void rebase(const index_tree& tree);
  /// Of the newest generation; zero before the first.
  digest newest_root();
  /// Bytes of the page or record blob, nothing where it is not known. Loads it where it is not in memory.
  std::optional<byte_vector> find(const digest& page);

 private:
  struct known {
    node_link link;
    index_tree::source_ptr source;
    bool is_record = false;
    std::list<digest>::iterator used;
  };
  void remember(const node_link& link, const index_tree::source_ptr& source, bool is_record);
  void remember_children(const index_node& node, const index_tree::source_ptr& source);

  std::mutex mutex_;
  const hasher* hash_ = nullptr;
  std::list<index_tree> trees_;  ///< newest first: keeps their pages alive
  std::unordered_map<digest, known> links_;
  std::list<digest> used_;  ///< most recent first
};

}  // namespace graphite
