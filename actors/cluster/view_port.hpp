#pragma once

#include <caf/all.hpp>

#include "actors/cluster/control_gate.hpp"
#include "actors/cluster/view_intake.hpp"

namespace graphite {

/// What the view port works with; outlives the actor.
struct view_port_dependencies {
  log_sink* log = nullptr;
  view_intake* views = nullptr;
};

using view_port_actor = control_sink::extend<
    // Who is the gate. Once, before anything else.
    caf::reacts_to<atom::dial, caf::actor>,
    // Where the stores are from now on.
    caf::reacts_to<atom::notice, view_settings_ptr>,
    // INTERNAL: what a view answers.
    caf::reacts_to<atom::answer, view_call_ptr>>;

/// Carries between the gate's watchers and the views that they feed: view_sessions decides.
struct view_port_state {
  static inline const char* name = "view-port";

  view_port_state() {}

  void carry_out(view_command_list commands);
  void carry_out(view_commands::send& command);
  void carry_out(view_commands::hang_up& command);
  void carry_out(view_commands::open& command);
  void carry_out(view_commands::close& command);
  void carry_out(view_commands::revise& command);
  void hear(const control_event& event);
  /// Runs `what` in the actor's thread, from any thread, if it is there still.
  std::function<void(std::function<void(view_port_state&)>)> later() const;

  view_port_actor::pointer self = nullptr;
  view_port_dependencies with;
  std::optional<view_sessions> sessions;
  caf::actor gate;
};

view_port_actor::behavior_type view_port(view_port_actor::stateful_pointer<view_port_state> self,
                                         view_port_dependencies with, view_sessions_options how);

}  // namespace graphite
