#pragma once

#include <caf/all.hpp>
#include <functional>
#include <map>

#include "actors/type_ids.hpp"
#include "core/limited_log.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/random.hpp"

namespace graphite {

/// Whoever decides about what peers say. One message for each event.
using control_sink = caf::typed_actor<caf::reacts_to<atom::control, control_event_ptr>>;

/// What a gate works with; outlives the actor.
struct control_gate_dependencies {
  std::shared_ptr<const hello_identity> self;
  hello_listener::options hello;
  const signature_verifier* verifier = nullptr;
  random_source* random = nullptr;  ///< the gate's own
  clock_source* clock = nullptr;
  log_sink* log = nullptr;
  std::function<role_trust()> trust;  ///< now in force; called by the gate's thread
  control_sink sink;
  control_sink watchers;          ///< hears of peers of the role watch; none: `sink` does
  std::size_t links_max = 4'096;  ///< admitted and not yet
  std::size_t text_bytes_max = 1 * MiB;
  /// Whom TLS refused since the last call, a line for each; asked each second, by the gate's thread.
  std::function<std::vector<std::string>()> refused_by_tls = [] { return std::vector<std::string>(); };
  event_rate refusals{2, 20};  ///< lines of the log about who was refused; the others are counted
};

/// The actor that is published at the control port: lets in who proves a role, and passes texts both ways.
///
/// Handles, from peers: `dial`, `hello` with a text, `control` with a text. From this process only:
/// `control` with a control_frame. Whoever sends anything else, or out of turn, is refused and not heard any
/// more. A link ends when its peer's key does. Invariants: at most links_max links, of which
/// hello.pending_max have proved nothing; a link that has not is worth at most hello_bytes_max; `sink` hears
/// of admitted ones only.
struct control_gate_state {
  static inline const char* name = "control-gate";
  static constexpr duration look_every = seconds(1);

  control_gate_state() {}

  struct link {
    caf::strong_actor_ptr whom;
    std::optional<proven_peer> peer;  ///< once it has proved who it is
  };

  void refuse(control_link which, const error& why);
  void forget(control_link which);
  void dialled(const caf::strong_actor_ptr& whom);
  void answered(control_link which, const std::string& text);
  void said(control_link which, std::string text);
  void gone(const caf::actor_addr& whom);
  void look();
  /// Of whoever sent the present message, whose first word was `dial`.
  std::optional<control_link> asking() const;
  const control_sink& sink_of(const proven_peer& peer) const {
    return peer.said.what == role::watch && with.watchers ? with.watchers : with.sink;
  }
  hello_time time() const { return {with.clock->now(), with.clock->unix_ns()}; }

  caf::event_based_actor* self = nullptr;
  control_gate_dependencies with;
  std::optional<hello_listener> hello;
  std::optional<limited_log> lines;
  std::map<control_link, link> links;
  std::map<caf::actor_addr, control_link> by_peer;
  control_link last = 0;
};

caf::behavior control_gate(caf::stateful_actor<control_gate_state>* self, control_gate_dependencies with);

}  // namespace graphite
