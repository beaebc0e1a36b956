#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "bundle/head_codec.hpp"
#include "core/ports/log.hpp"
#include "platform/linux/owned_fd.hpp"
#include "platform/store/folder_pages.hpp"

namespace graphite {

struct bundle_folder_options {
  std::string folder;  ///< made where it is missing, unless `read_only`
  std::string
      segments_folder;  ///< the store's: segments that pages point into are linked from there; empty: none
  std::size_t kept_generations = 8;           ///< whose pages stay readable, the newest included
  std::uint64_t rewrite_bytes_min = 1 << 20;  ///< page files below this are not worth rewriting
  bool read_only = false;
  /// publish() waits for no disk and sync() makes the newest generation last: for holders that can fetch
  /// again what a power cut takes. Then the head may name pages that are not there.
  bool sync_later = false;
  std::function<void(const error&)> on_failed_sync;  ///< as in segment_store_options
};

/// A bundle on disk: the file `head`, page files, hard links to the segments they point into, and the heads
/// of the generations before as `head-EPOCH-SEQUENCE`. Thread-safe. One writer a folder.
///
/// A generation is there when its head is: pages are appended and synced before, so a crash at any instant
/// leaves the last good head with all its pages. publish() costs O(changed).
class bundle_folder {
 public:
  /// Errors: corrupt (head or its root page), newer_version, not_found (`read_only`, nothing there), io.
  static result<std::unique_ptr<bundle_folder>> open(bundle_folder_options options, const hasher& hash,
                                                     log_sink& log);

  /// The newest head; nothing before the first publish().
  std::optional<head_file> current() const;
  /// Its index, read from the page files as needed. Errors: not_found, corrupt, io.
  result<index_tree> tree() const;
  /// The heads that can still be read, ascending, the newest last.
  std::vector<head_file> generations() const;
  std::shared_ptr<const page_source> pages() const { return pages_; }

  /// Appends what of `tree` is not yet written, syncs, and replaces the head. `find` says where contents
  /// lie; `behind` where the side object does. A tree from before a rewrite() is written as what it changes
  /// in the newest generation. `signature` goes into the head's file. Errors: out_of_space (the old head
  /// stands; try again), io; invalid_argument where `value` is not newer than the head or its root not the
  /// tree's.
  result<void> publish(const head& value, const index_tree& tree, const extent& behind,
                       const extent_lookup& find, byte_vector signature = {});

  /// With `sync_later`: what was published before the call is on disk when it returns. Any thread; publish()
  /// goes on meanwhile. Blocks. Errors: out_of_space, io.
  result<void> sync() const;

  /// More than three quarters of the page files are estimated to be dead, or they pin `dead_segment_bytes`
  /// in the store, which are more than what would be written.
  bool wants_rewrite(std::uint64_t dead_segment_bytes = 0) const;
  /// Writes the pages of the kept generations to a new file, with the places `find` gives, and removes the
  /// other files and the links to segments that nothing points into any more. The caller goes on from the
  /// returned tree: others keep the removed files' space as long as they live, and find only pages of kept
  /// generations. O(assets), of which publish() and the like wait only for what was published meanwhile and
  /// two syncs. Any thread. Errors: as publish(); then the heads stand as they were.
  result<index_tree> rewrite(const extent_lookup& find);

  /// Whether a kept page may point into the segment: then the store must keep its file.
  bool refers_to(segment_id id) const;
  /// The segments for which that is so.
  std::set<segment_id> segments() const;

 private:
  struct page_output {
    std::uint32_t number = 0;  ///< 0: none yet
    std::uint64_t tail = 0;
    owned_fd fd;
  };

  bundle_folder(bundle_folder_options options, const hasher& hash, log_sink& log);
  result<void> load();
  result<void> load_head();
  std::string path(const std::string& name) const { return options_.folder + "/" + name; }
  result<index_tree> tree_of(const head_file& from) const;

  /// A rewrite under way.
  struct page_rewrite;

  void remove_leftovers();
  bool is_gone(const index_tree& tree, const std::vector<index_tree::node_ptr>& unwritten) const;
  result<index_tree> brought_over(const index_tree& tree) const;
  result<void> write_generation(head_file next, const index_tree& tree, const extent_lookup& find);

  result<page_output> create_page_file() const;
  result<page_output> open_output() const;
  result<page_output> new_page_file() const;
  result<void> copy_pages(page_rewrite& work, std::vector<head_file> from) const;
  result<index_tree> finish_rewrite(page_rewrite& work);
  result<std::vector<head_file>> copy_generations(page_rewrite& work, std::vector<head_file> from) const;
  result<void> move_old_heads(page_rewrite& work, const std::vector<head_file>& moved);
  result<void> append(page_output& out, byte_span bytes) const;
  result<void> sync(int fd, std::uint32_t number) const;
  result<void> replace_head(const head_file& next, bool durable);
  result<void> write_head(const head_file& next);
  void keep_old_head(const head_file& old);
  void drop_generations(std::size_t kept);
  result<void> link_segments(const std::set<segment_id>& used);
  void remove_unused(const head_file& now, const std::set<segment_id>& used);

  const bundle_folder_options options_;
  const hasher& hash_;
  log_sink& log_;
  std::shared_ptr<folder_pages> pages_;
  std::mutex rewriting_;      ///< held during a rewrite; taken before mutex_
  mutable std::mutex mutex_;  ///< guards all below
  std::optional<head_file> head_;
  std::deque<head_file> older_;
  page_output output_;
  std::uint64_t page_bytes_ = 0;   ///< in all page files
  std::uint64_t entry_bytes_ = 0;  ///< in the newest index
  std::set<segment_id> segments_;  ///< linked here
};

}  // namespace graphite
