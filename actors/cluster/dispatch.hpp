#pragma once

#include <caf/all.hpp>
#include <functional>
#include <map>

#include "actors/cluster/control_gate.hpp"
#include "actors/cluster/dispatch_call.hpp"
#include "actors/interfaces.hpp"
#include "coordinator/cluster/dispatcher.hpp"

namespace graphite {

/// What the dispatch actor works with; outlives it.
struct dispatch_dependencies {
  clock_source* clock = nullptr;
  log_sink* log = nullptr;
  journal_actor journal;
  /// The rows that make a batch durable. Called by the actor's thread.
  std::function<std::vector<row_write>(const commit_batch&)> rows_of;
  /// Told of nodes that come and go, differences, what is to be remembered: all commands that are no message,
  /// commit, done or wake_at.
  std::function<void(const dispatch_command&, dispatch_desk&)> on_event = [](const auto&, auto&) {};
};

using dispatch_actor = control_sink::extend<
    // Who is the gate. Once, before anything else.
    caf::reacts_to<atom::dial, caf::actor>,
    // A call.
    caf::reacts_to<atom::answer, dispatch_call_ptr>,
    // INTERNAL: takes the step after the messages that were there; a deadline of the dispatcher.
    caf::reacts_to<atom::check>, caf::reacts_to<atom::wake>>;

/// Carries a dispatcher's messages, commits and deadlines: nothing is decided here.
///
/// All messages that wait are handed in before one step is taken, so that what comes close together travels
/// and is committed together: batches grow with the load, and nothing is delayed where there is none.
struct dispatch_state {
  static inline const char* name = "dispatch";
  static constexpr std::size_t messages_before_step_max = 64;

  dispatch_state() {}

  dispatch_dependencies with;
  std::shared_ptr<dispatch_desk> desk;
  caf::actor gate;
  bool step_is_due = false;
  std::size_t since_step = 0;
  std::string trouble;                    ///< why the last commit failed: said once
  std::optional<time_point> wake_wanted;  ///< by the dispatcher
  std::optional<time_point> wake_set;     ///< a message comes then
};

dispatch_actor::behavior_type dispatch(dispatch_actor::stateful_pointer<dispatch_state> self,
                                       dispatch_dependencies with, std::shared_ptr<dispatch_desk> desk);

}  // namespace graphite
