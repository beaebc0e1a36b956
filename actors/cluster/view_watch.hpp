#pragma once

#include <caf/all.hpp>

#include "actors/cluster/control_frames.hpp"
#include "actors/cluster/view_watch_hooks.hpp"
#include "actors/interfaces.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/log.hpp"

namespace graphite {

struct view_watch_dependencies : view_watch_hooks {
  clock_source* clock = nullptr;
  log_sink* log = nullptr;
};

/// Stands in a graph's place behind a watcher whose view is built elsewhere: what closes is told to the
/// coordinator. Detached, because it reads files.
using view_watch_actor = graph_actor::extend<
    // Of the connection to the coordinator.
    caf::reacts_to<atom::control, control_event_ptr>,
    // Who keeps it. Once, before anything else.
    caf::reacts_to<atom::dial, caf::actor>,
    // Has the watcher read these sources again.
    caf::reacts_to<atom::rescan, paths_ptr>,
    // INTERNAL: the feed's tick; an upload has ended.
    caf::reacts_to<atom::check>, caf::reacts_to<atom::answer, view_call_ptr>>;

struct view_watch_state {
  static inline const char* name = "view-watch";
  static constexpr duration tick_every = milliseconds(100);

  view_watch_state() {}

  void carry_out(feed_command_list commands);
  void carry_out(feed_commands::send& command);
  void carry_out(feed_commands::bring& command);
  void carry_out(feed_commands::skip& command);
  void carry_out(feed_commands::settle& command);
  void carry_out(feed_commands::hang_up& command);
  void carry_out(feed_commands::tell& command);
  void hear(const control_event& event);
  void closed(const revision& what);

  view_watch_actor::pointer self = nullptr;
  view_watch_dependencies with;
  std::optional<view_feed> feed;
  caf::actor dialler;
  control_link link = 0;  ///< 0: away
  watcher_actor watcher;
};

view_watch_actor::behavior_type view_watch(view_watch_actor::stateful_pointer<view_watch_state> self,
                                           view_watch_dependencies with, view_feed_options how);

}  // namespace graphite
