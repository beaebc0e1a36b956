#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/ports/tree_watcher.hpp"
#include "platform/linux/inotify_watcher.hpp"
#include "platform/linux/tree_scan.hpp"

namespace graphite {

/// Finds changes by comparing a tree with what it was. One thread. Memory: every name once.
class tree_poller {
 public:
  /// `below`: of the tree, only this folder (relative); empty: all, and the lone files.
  explicit tree_poller(const inotify_watcher_options& options, std::string below = {})
      : options_(options), below_(std::move(below)) {}

  /// Remembers the tree as it is. Errors: as scan_tree().
  result<void> remember();
  /// Appends what changed since. An error means that nothing was compared: the root is away.
  result<void> poll(std::vector<fs_event>& out);
  std::size_t folders() const { return known_.all.size(); }

 private:
  struct snapshot final : known_tree {
    std::map<std::string, std::map<std::string, stat_signature>> all;
    std::vector<std::string> folders(std::string_view folder) const override;
    void files(std::string_view folder, std::vector<file>& out) const override;
    void apply(const tree_difference& d);
  };
  void poll_lone_files(time_point now, std::vector<fs_event>& out);
  tree_scan_options scan_options() const;

  const inotify_watcher_options& options_;
  const std::string below_;
  snapshot known_;
  std::map<std::string, stat_signature> lone_;  ///< those that are there
};

}  // namespace graphite
