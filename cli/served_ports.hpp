#pragma once

#include <memory>
#include <optional>

#include "cli/chunk_port.hpp"
#include "platform/crypto/ed25519.hpp"
#include "platform/keys/loaded_keys.hpp"
#include "platform/zmq/chunk_server.hpp"
#include "platform/zmq/head_publisher.hpp"
#include "platform/zmq/zap_handler.hpp"

namespace graphite {

/// Whose tickets count at ports with keys, and how much their holders may ask.
struct port_trust {
  std::vector<pinned_root> roots;               ///< at least one
  std::optional<signed_statement> revocations;  ///< absent: nothing is revoked
  access_table::options access;
  request_limits::options limits;
};

struct served_ports_options {
  /// Both have the same keys, or none.
  listen_options heads{"127.0.0.1", 7402, true}, chunks{"127.0.0.1", 7403, true};
  std::optional<port_trust> trust;     ///< needed where they have keys; its roots too are secured()'s to set
  bool secure_loopback = false;        ///< keys also where only this machine is served
  std::size_t connections_max = 4096;  ///< of each port
};

/// `options` with the keys of a publisher, if any, where they are needed: beyond loopback, or if told so.
/// Errors: corrupt (its revocations cannot be read).
result<served_ports_options> secured(served_ports_options options,
                                     const std::shared_ptr<const publisher_keys>& keys);

/// The heads port and the chunk port of a process, with or without keys. Ends both with its destructor.
class served_ports {
 public:
  /// `kept` is what `sources` serves pages of; with keys it checks contents from now on. All but the options
  /// outlive the object.
  /// Errors: invalid_argument (keys for one port, or no roots for them), permission_denied (not loopback, and
  /// no keys; revocations that no root signed), already_exists, io.
  static result<std::unique_ptr<served_ports>> open(const served_ports_options& options,
                                                    const chunk_service_sources& sources,
                                                    kept_generations& kept, const clock_source& clock,
                                                    log_sink& log);

  head_publisher& heads() { return *heads_; }
  chunk_server& chunks() { return *chunks_; }
  chunk_port& port() { return *port_; }
  /// After a change of the keys' folder: who is revoked gets nothing from now on. The ports' own key stays
  /// until they are opened again. Nothing without keys. Errors: as secured(), peer_gate::revoke.
  result<void> renew(const publisher_keys& keys);

 private:
  served_ports() = default;

  std::shared_ptr<zmq_context> zmq_;
  std::unique_ptr<ed25519_verifier> verifier_;
  std::unique_ptr<peer_gate> gate_;
  std::unique_ptr<zap_handler> zap_;
  std::unique_ptr<chunk_port> port_;
  std::unique_ptr<chunk_server> chunks_;
  std::unique_ptr<head_publisher> heads_;
};

}  // namespace graphite
