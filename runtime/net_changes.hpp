#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports/tree_watcher.hpp"

namespace graphite {

/// What several events on some paths come to, for somebody who knew the paths as they were before the first
/// of them and takes over what is told in its order.
///
/// Value type, pure. What it tells of a path:
/// - Created and changed: `created`. Created and deleted: nothing. Deleted and created: `modified`.
/// - Moved from a known path that has not come back: `moved` with that as old_path, whatever was written to
///   the file before or afterwards, and nothing of the old path. Several moves are one.
/// - Moved from elsewhere, or from a path that was created here: `moved` without old_path, for it may have
///   replaced a file.
/// - A known path that was moved away and is there again is `modified`; what came from it is told as if it
///   had come from elsewhere.
class net_changes {
 public:
  /// Of any kind but `overflow`, `folder` and `cookie`. Both paths of a move are named here from then on, but
  /// for one that leaves nothing to tell. `order` grows from event to event. O(log paths).
  void note(const fs_event& event, std::uint64_t order);
  /// Whether `path` would be missed if it were moved away; if not, nobody need know what it becomes.
  bool would_be_missed(std::string_view path) const;
  /// Somebody may have looked at `path` meanwhile: if it is deleted, that is told in any case.
  void mark_seen(std::string_view path);
  /// Adds all of `other`, which names no path that is named here.
  void merge(net_changes&& other);

  bool names(std::string_view path) const { return states_.contains(path); }
  bool empty() const { return states_.empty(); }
  /// One event a path that has something to tell, in the order of their last events.
  std::vector<fs_event> told() const;

 private:
  enum class presence : std::uint8_t { absent, present, unknown };
  struct state {
    presence before = presence::unknown;
    bool there = false;
    bool seen = false;
    std::string from;  ///< known path that the file had before; that one's `to` is this
    std::string to;    ///< where the file that was here is told to have come from here
    std::uint64_t order = 0;
    time_point when{};
  };
  using states = std::map<std::string, state, std::less<>>;

  void appear(const std::string& path, presence before);
  void remove(const std::string& path);
  std::string depart(const std::string& path, const std::string& to);
  void arrive(const std::string& path, const std::string& origin);
  void let_origin_go(state& of);
  void come_back(state& of);
  static bool untold(const state& of);

  states states_;
};

}  // namespace graphite
