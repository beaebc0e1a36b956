#pragma once

#include <caf/all.hpp>
#include <functional>
#include <map>

#include "actors/cluster/control_gate.hpp"
#include "core/cancel_token.hpp"
#include "node/agent.hpp"

namespace graphite {

/// What the node actor works with; outlives it.
struct node_dependencies {
  clock_source* clock = nullptr;
  /// Runs it on a thread of its domain and calls `done` once, from any thread. Must not block itself.
  std::function<void(const agent_commands::start&, const cancel_token&,
                     std::function<void(control::attempt_end)> done)>
      run;
  /// The stores, and how many copies are wanted, from now on.
  std::function<void(const control::settings&)> settle = [](const auto&) {};
  /// What the store has asked, and which keys are revoked, as the coordinator says.
  std::function<void(const control::need_answer&)> answered = [](const auto&) {};
  std::function<void(const control::revocations&)> revoked = [](const auto&) {};
  /// Nothing is left to do after it was told to leave; or (with why) the coordinator will never take it.
  std::function<void(const error* why)> on_end = [](const auto*) {};
};

using node_actor = control_sink::extend<
    // Who dials. Once, before anything else.
    caf::reacts_to<atom::dial, caf::actor>,
    // Hands back what waits, finishes what runs; then on_end is called. Why, for the coordinator.
    caf::reacts_to<atom::rest, std::string>,
    // A word of the store, a question or its state. Where no session stands it is forgotten.
    caf::reacts_to<atom::notice, store_word_ptr>,
    // INTERNAL: an attempt has ended; says what has piled up; a tenth of a second is over.
    caf::reacts_to<atom::finish, ended_run_ptr>, caf::reacts_to<atom::check>, caf::reacts_to<atom::wake>>;

/// Carries a node_agent's messages and attempts: nothing is decided here. Attempts that end close together
/// are said together.
struct node_state {
  static inline const char* name = "node";
  static constexpr duration tick_every = milliseconds(100);
  static constexpr std::size_t ends_max = 256;  ///< that are said together

  node_state() {}

  node_dependencies with;
  std::shared_ptr<node_agent> agent;
  caf::actor dialler;
  control_link link = 0;  ///< of the present connection; zero: there is none
  std::map<std::uint64_t, cancel_token> running;
  std::vector<std::pair<std::uint64_t, control::attempt_end>> ends;
};

node_actor::behavior_type node(node_actor::stateful_pointer<node_state> self, node_dependencies with,
                               std::shared_ptr<node_agent> agent);

}  // namespace graphite
