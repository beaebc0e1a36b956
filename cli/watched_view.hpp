#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bundle/snapshot_tree.hpp"
#include "node/view_feed.hpp"

namespace graphite {

/// A view that is watched here and built elsewhere: its files now, and what of them the stores may lack.
///
/// Thread-safe. Memory: O(files) for the tree, of contents and folders that changed no more than its options
/// say; where that is too little, all of the tree is to be walked through once more.
class watched_view {
 public:
  struct options {
    std::size_t pending_files_max = 65'536;
    std::uint64_t pending_bytes_max = 32 * MiB;  ///< of folders' objects
  };
  explicit watched_view(const hasher& hash) : watched_view(hash, options()) {}
  watched_view(const hasher& hash, options chosen) : options_(chosen), tree_(hash) {}

  struct change {
    logical_path path;
    std::optional<content_ref> now;  ///< absent: it is gone
    bool executable = false;
  };
  /// The view after this revision; numbers ascend. Errors: those of snapshot_tree, the first of them; the
  /// rest is changed all the same.
  result<view_state> apply(std::uint64_t revision, const std::vector<change>& changes);
  std::size_t files() const;

  /// Where the bytes of a content are.
  using place = std::variant<byte_vector, logical_path>;
  /// What is to be brought so that the stores have all of `state`, in this order: files before the folders
  /// that list them.
  struct delivery {
    view_state state;
    std::vector<std::pair<content_ref, place>> contents;
  };
  /// What has changed since the last walk or delivery. It is taken to be brought from now on.
  delivery take();
  /// Whether nothing is known of what the stores have: walk through the tree before take(). Once: it is taken
  /// to be done from now on.
  bool begin_walk();
  /// It failed, or a delivery did, or contents are gone: it has to be begun again.
  void ask_for_walk();
  /// All of this state is in the stores. Of no effect where the view is another by now.
  void all_there(const view_state& state);
  /// Of the newest state; see snapshot_tree.
  snapshot_tree::look look_into(const std::string& folder) const;

 private:
  struct folder_delivery {
    std::vector<std::pair<content_ref, byte_vector>> objects;
    std::uint64_t bytes = 0;
  };

  result<void> change_tree(const std::vector<change>& changes);
  void note(snapshot_tree::changed_folder&& folder);
  void forget_pending();
  void bound_pending();

  const options options_;
  mutable std::mutex mutex_;
  snapshot_tree tree_;
  view_state now_;
  bool walk_ = true;
  std::map<std::string, content_ref> files_;        ///< to be brought
  std::map<std::string, folder_delivery> folders_;  ///< the same
  std::uint64_t folder_bytes_ = 0;
};

}  // namespace graphite
