#pragma once

#include <functional>
#include <string>

#include "actors/messages.hpp"
#include "node/view_feed.hpp"

namespace graphite {

/// What a watcher's process does for a view that is built elsewhere; outlives the actor. Called by the
/// actor's thread.
struct view_watch_hooks {
  /// How the view is after this revision. May read files. Errors: it has no snapshot.
  std::function<result<view_state>(const revision&)> apply;
  /// Sees to it that all of the newest state is in the stores; `done` is called once, by any thread. Must not
  /// block.
  std::function<void(bool thorough, std::function<void(result<view_state>)> done)> bring;
  /// All of this state is in the stores already.
  std::function<void(const view_state&)> skip = [](const auto&) {};
  std::function<void(const views::settings&)> settle = [](const auto&) {};
  std::function<void(const feed_commands::tell&)> on_tell = [](const auto&) {};
  /// Of a path that is left out, why; an empty text takes it back.
  std::function<void(const std::string& path, const std::string& why)> on_notice = [](const auto&,
                                                                                      const auto&) {};
  /// The coordinator will never take this watcher.
  std::function<void(const error& why)> on_end = [](const auto&) {};
};

}  // namespace graphite
