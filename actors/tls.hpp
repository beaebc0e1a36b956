#pragma once

#include <caf/all.hpp>
#include <functional>
#include <optional>
#include <string>

#include "core/tls_files.hpp"
#include "core/units.hpp"

namespace graphite {

/// \file CAF's control connections, with TLS or not at all. Here and not in platform/, since CAF is the
/// actors' alone; what needs OpenSSL is in platform/crypto and comes as functions, since an actor knows no
/// platform: `check_tls_files` and `check_ssl_calls`.
///
/// What caf_openssl 0.17.6 does not do: it shows no peer's certificate and compares no host name, so that
/// every certificate of the authority opens the port: roles are proved by core/hello, and the authority signs
/// for nothing else. It reads the files again for each connection: renaming new ones into place rotates them.

/// What is asked before anything listens or dials. Both must be there.
struct tls_checks {
  std::function<result<void>(const tls_files&)> files;  ///< whether they are sound: see check_tls_files
  std::function<result<void>()> calls;                  ///< whether the cure is linked: see check_ssl_calls
};

struct tls_timing {
  duration heartbeat = seconds(1);            ///< CAF's default is none: a dead peer would never be noticed
  duration connection_timeout = seconds(10);  ///< silence after which a peer is DOWN; over two heartbeats
};

/// Makes `config` load CAF's middleman and its TLS, which takes peers of `files.authority` only, and sets
/// heartbeats. Nothing of `config` changes on failure. Call before its actor_system is made.
/// Errors: invalid_argument (a file is not named, no checks, or a timing that cannot notice), those of the
/// checks.
result<void> use_tls(caf::actor_system_config& config, const tls_files& files, const tls_checks& checks,
                     const tls_timing& timing = {});

/// Whether `system` was made of a config that `use_tls` prepared and nobody changed since. `listen_tls`
/// and `dial_tls` ask it each time.
/// Errors: permission_denied.
result<void> tls_is_on(caf::actor_system& system);

/// Publishes `whom` at `address`, an IP address of this machine; port 0 takes a free one. The port it
/// got. A published actor keeps its system alive: `stop_listening` and an exit end it.
/// Errors: permission_denied (see tls_is_on), io (an address that is taken or not this machine's).
result<std::uint16_t> listen_tls(const caf::actor& whom, std::uint16_t port, const std::string& address);
void stop_listening(const caf::actor& whom, std::uint16_t port);

struct dial_options {
  std::string host;
  std::uint16_t port = 0;
  duration wait = seconds(10);
  /// What ends the connections to a port that have not shaken hands (see platform/crypto/ssl_calls): called
  /// when `wait` is over, since CAF lets later dials of the address wait for the same silent peer.
  std::function<void(std::uint16_t port)> give_up;
  /// Why TLS refused the last connection to a port (see platform/crypto/ssl_calls): CAF does not say.
  std::function<std::optional<std::string>(std::uint16_t port)> why_refused;
};

/// A proxy of what is published there. Blocks up to `wait`: not for an actor's thread.
/// Errors: permission_denied (see tls_is_on), unavailable (nobody there, or TLS refused, and why), timed_out
/// (somebody is there who does not talk), invalid_argument (an actor of typed messages, no `give_up` or
/// `why_refused`).
result<caf::actor> dial_tls(caf::actor_system& system, const dial_options& how);

}  // namespace graphite
