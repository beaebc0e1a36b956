#pragma once

#include <functional>
#include <utility>

#include "actors/cluster/control_dialler.hpp"
#include "actors/cluster/dialling.hpp"
#include "actors/system_config.hpp"
#include "actors/tls.hpp"

namespace graphite {

/// Of a process that dials a control port: few threads, TLS or nothing.
struct tls_system_config : small_system_config {
  tls_system_config(const control_security& by, std::function<void()> on_thread)
      : small_system_config(std::move(on_thread)),
        ready(use_tls(*this, by.files, {by.check_files, by.check_calls})) {}

  const result<void> ready;  ///< errors: those of use_tls
};

/// Keeps a connection to the coordinator for `sink`. `by` and `in` outlive the actor.
inline caf::actor spawn_dialler(caf::actor_system& in, const dialling_options& by, control_sink sink) {
  control_dialler_dependencies how;
  how.self = by.security.self;
  how.hello.wanted = role::coordinator;
  how.hello.name = by.coordinator;
  how.verifier = by.security.verifier;
  how.random = by.security.random;
  how.clock = by.clock;
  how.log = by.log;
  how.trust = by.security.trust;
  how.sink = std::move(sink);
  how.dial = [&in, &by] {
    return dial_tls(in, {by.host, by.port, by.dial_within, by.give_up, by.why_refused});
  };
  return in.spawn(control_dialler, std::move(how));
}

}  // namespace graphite
