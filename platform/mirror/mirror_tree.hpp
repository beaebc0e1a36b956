#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/ports/log.hpp"
#include "core/units.hpp"
#include "platform/mirror/link_tree.hpp"
#include "platform/mirror/mirror_change.hpp"
#include "platform/mirror/object_folder.hpp"
#include "platform/mirror/record_log.hpp"

namespace graphite {

/// The log of swaps is written anew, with what is needed of it, where it is longer than this.
inline constexpr std::uint64_t swap_log_bytes_max = 4 * MiB;

struct mirror_options {
  std::string folder;             ///< DIR; state lies in DIR/.graphite
  object_folder::checker check;   ///< whether bytes are a content
  bool check_everything = false;  ///< reads all objects at the open, and removes those that are wrong
  log_sink* log = nullptr;        ///< null: says nothing
  std::uint64_t log_bytes_max = swap_log_bytes_max;
};

/// Files for programs that only read files: DIR/current is a link that flips between two trees of hard
/// links to the objects, updated in turn with the last two generations' changes.
///
/// One thread. A swap costs O(changed in the last two generations), whatever is shown. It may die at any
/// instruction: open() finishes or forgets what was under way. What was not yet synced when the machine
/// stopped is checked by open(), which then reports a generation as lost rather than show wrong bytes.
class mirror_tree {
 public:
  /// Errors: already_exists (another process has it, or `current` is not ours), permission_denied, io.
  static result<std::unique_ptr<mirror_tree>> open(mirror_options options);
  ~mirror_tree();

  /// The note of the generation that is shown; nothing: none is, or it has to be fetched anew in part.
  const std::optional<byte_vector>& note() const { return note_; }
  object_folder& objects() { return objects_; }
  /// `with`: a file of that other state that has to last as long.
  void sync_with(int with) { synced_with_ = with; }
  /// Descriptor of DIR/.graphite, for other state that belongs to it.
  int home() const { return home_.get(); }

  /// Shows `change`; contents are in objects(). On an error the old generation stays shown, and the call
  /// may be repeated.
  result<void> swap(mirror_change change);
  /// False where a file that the shown generation has is missing or has another size. Few system calls.
  bool shows(const logical_path& path, const content_ref& content) const;
  /// Removes what was fetched for generations that were never shown.
  void clear_staging() { objects_.clear_staging(); }
  /// Keeps an object that nothing shows at present from being collected by tidy().
  void keep(const content_ref& content) { garbage_.erase(content.id); }
  /// Work that a swap left for later, in small steps: false when there is none.
  bool tidy();

  /// What has to be synced so that a restart need not check it again.
  struct sync_job {
    std::vector<content_ref> contents;
    std::uint64_t log_bytes = 0;
  };
  bool needs_sync() const { return !unsynced_.empty() && !syncing_; }
  sync_job begin_sync();
  /// Any thread, while the tree lives. Blocks.
  result<void> run(const sync_job& job) const;
  /// After run() succeeded.
  result<void> end_sync(const sync_job& job);
  /// After run() failed: its contents stay unsynced.
  void give_back(sync_job job);

 private:
  mirror_tree(mirror_options options, owned_fd root, owned_fd home, owned_fd lock, object_folder objects,
              link_tree first, link_tree second);
  result<void> recover();
  void say(const std::string& text) const {
    if (options_.log) options_.log->warn("{}", text);
  }
  bool check_unsynced(const std::vector<mirror_change>& changes, std::size_t first_unsynced);
  result<void> finish_last(const std::vector<mirror_change>& changes);
  result<void> attempt(const mirror_change& change);
  result<void> undo(link_tree& tree, const mirror_change& change);
  void discard(const mirror_change& change);
  int shown_tree() const;
  result<void> update(link_tree& tree, const mirror_change& change);
  result<void> flip(int tree);
  result<void> adopt(const mirror_change& change);
  result<void> shorten_log();

  mirror_options options_;
  owned_fd root_, home_, lock_;
  object_folder objects_;
  std::array<link_tree, 2> trees_;
  std::optional<record_log> log_;
  std::optional<byte_vector> note_;
  std::optional<mirror_change> before_, last_;  ///< what the two newest swaps changed
  std::optional<mirror_change> failed_;         ///< left half done in the tree that is not shown
  int shown_ = 1;                               ///< the tree that `current` means
  std::size_t caught_up_ = 0;                   ///< files of last_ that the other tree has already
  bool other_is_new_ = false;                   ///< the other tree was never shown since it was made
  bool syncing_ = false;
  std::map<digest, std::uint64_t>
      unsynced_;  ///< contents shown since the last sync and not collected, with sizes
  std::map<digest, std::uint64_t> garbage_;  ///< contents that are perhaps not shown any more, with sizes
  std::uint64_t trash_ = 0;
  int synced_with_ = -1;
};

}  // namespace graphite
