#pragma once

#include <caf/all.hpp>
#include <functional>

#include "actors/cluster/control_gate.hpp"

namespace graphite {

/// What a dialler works with; outlives the actor.
struct control_dialler_dependencies {
  std::shared_ptr<const hello_identity> self;
  hello_dialler::options hello;
  const signature_verifier* verifier = nullptr;
  random_source* random = nullptr;  ///< the dialler's own
  clock_source* clock = nullptr;
  log_sink* log = nullptr;
  std::function<role_trust()> trust;  ///< now in force; called by the dialler's thread
  control_sink sink;
  /// The actor at the control port. Blocks; called by a thread of its own, one call at a time.
  std::function<result<caf::actor>()> dial;
  duration again_after = milliseconds(50);  ///< the first failure; doubled with each, up to again_max
  duration again_max = seconds(5);
  std::size_t text_bytes_max = 1 * MiB;
};

/// Blocks for a dialler, in a thread of its own.
using dialling_actor = caf::typed_actor<
    // Who was reached; null: nobody, and the outcome says why.
    caf::replies_to<atom::dial>::with<caf::strong_actor_ptr, outcome>>;

/// Keeps one connection to the control port: dials, proves, passes texts both ways, and dials again when it
/// has ended, later each time, at random within a factor of two, so that a thousand peers of a coordinator
/// that comes back do not come at once.
///
/// Handles, of this process: `control` with a control_frame; of the peer: `hello`, `control` and `refuse`
/// with a text. A peer that says anything else, or out of turn, is left. `sink` hears of connections whose
/// other side has proved its role only. A frame that `ends` the connection has it dialled again after
/// again_max.
struct control_dialler_state {
  static inline const char* name = "control-dialler";

  control_dialler_state() {}

  enum class stage : std::uint8_t { away, greeting, proving, open };

  void dial();
  void reached(const caf::strong_actor_ptr& whom);
  void greeted(const std::string& text);
  void said(std::string text);
  /// The present connection, or try, is over.
  void lost(const std::string& why, bool patiently);
  bool is_peer() const;
  void tell(control_event&& what);
  hello_time time() const { return {with.clock->now(), with.clock->unix_ns()}; }

  caf::event_based_actor* self = nullptr;
  control_dialler_dependencies with;
  dialling_actor helper;
  control_link link = 0;  ///< of the present try, or connection
  stage at = stage::away;
  caf::strong_actor_ptr peer;  ///< but where it is away
  std::optional<hello_dialler> hello;
  std::size_t failures = 0;  ///< in a row
  std::string said_last;     ///< why it failed; the same is said once
};

caf::behavior control_dialler(caf::stateful_actor<control_dialler_state>* self,
                              control_dialler_dependencies with);

}  // namespace graphite
