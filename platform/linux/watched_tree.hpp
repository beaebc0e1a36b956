#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/ports/tree_watcher.hpp"
#include "platform/linux/folder_scan.hpp"
#include "platform/linux/inotify_watcher.hpp"
#include "platform/linux/watch_table.hpp"

namespace graphite {

/// One inotify event, its name copied.
struct raw_event {
  int wd = -1;
  std::uint32_t mask = 0, cookie = 0;
  std::string name;
};

/// The watches of one tree, kept equal to the folders on disk, and the translation of their events.
///
/// Every folder's watch is set before the folder is listed, and every change of folders leads to sync()
/// of their names, which looks at the disk and trusts nothing it was told: so it does not matter how far
/// events lag behind. One thread.
class watched_tree {
 public:
  using events = std::vector<fs_event>;

  watched_tree(int inotify, const inotify_watcher_options& options);

  /// Opens the root anew and watches all there is. Reports existing lone files only.
  /// Errors: not_found, permission_denied, io.
  result<void> open(events& out);
  /// False where the root's name no longer leads to the folder that is watched.
  bool root_is_there() const;
  /// Drops all watches.
  void close();

  /// Translates a batch. IN_Q_OVERFLOW and foreign descriptors are the caller's.
  void translate(const std::vector<raw_event>& batch, events& out);
  /// Makes the watches at and below `path` right, silently.
  void verify(const std::string& path, events& out);

  bool knows(int wd) const { return table_.by_wd(wd) != watch_table::none; }
  std::size_t folders() const { return table_.size(); }
  /// All events there were have been translated.
  void note_drained() { dropped_ = false; }
  /// A watch could not be had: the tree has to be polled.
  bool exhausted() const { return exhausted_; }
  /// Folders on network file systems, and which: they are not watched, nor what is below them.
  const std::map<std::string, std::string_view>& mounts() const { return mounts_; }
  /// Renames crossed each other: verify and rescan.
  bool take_confused() { return std::exchange(confused_, false); }

 private:
  /// What to report of the files in a folder that was not watched before.
  struct report {
    bool files = false;
    std::string old_folder;  ///< renamed from here; empty: new
    bool top = true;         ///< the folder that an event named, none below it
    bool settled_enough() const { return top && files && old_folder.empty(); }
  };
  struct departure {
    std::string path;
    bool folder = false;
  };

  void translate_one(const raw_event& raw, events& out);
  void translate_elsewhere(const raw_event& raw, events& out);
  void translate_folder(const raw_event& raw, const std::string& path, events& out);
  void translate_file(const raw_event& raw, std::string path, events& out);
  void depart(const departure& gone, events& out);
  void sync(const std::string& path, const report& how, events& out);
  void sync_children(int folder, watch_table::node n, const std::string& path, const report& how,
                     events& out);
  void sync_lone(const std::string& path, events& out);
  int watch(int folder, std::uint32_t mask);
  std::string_view network_of(int folder) const;
  watch_table::node place(const std::string& path, int wd, bool& known);
  void drop(watch_table::node n);
  bool pruned(std::string_view folder) const;
  bool holds_lone_file(std::string_view folder) const;
  bool is_lone_file(std::string_view path) const;
  void emit(fs_event_kind kind, std::string path, std::string old_path, events& out) const;

  int inotify_;
  const inotify_watcher_options& options_;
  owned_fd root_;
  std::map<std::string, std::string_view> mounts_;
  watch_table table_;
  folder_names names_;
  std::unordered_map<std::uint32_t, departure> departed_;  ///< of this batch, by cookie
  std::vector<std::uint32_t> arriving_;                    ///< cookies of this batch's arrivals, sorted
  time_point now_{};
  bool exhausted_ = false, confused_ = false;
  bool dropped_ = false;  ///< a watch was given up while events may be waiting
};

}  // namespace graphite
