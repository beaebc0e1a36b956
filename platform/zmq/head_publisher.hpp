#pragma once

#include <memory>

#include "core/ports/log.hpp"
#include "core/ports/transport.hpp"
#include "platform/zmq/context.hpp"
#include "platform/zmq/peer_connections.hpp"

namespace graphite {

struct zmq_publisher_options {
  listen_options listen{"127.0.0.1", 7402, true};
  std::size_t queue_messages_max = 1024;  ///< between announce() and the socket
  milliseconds rejoin_period{20};         ///< newcomers get the kept heartbeat at most this often
  /// With keys, never null then: who may connect and follow what. Outlives the publisher.
  peer_admission* admission = nullptr;
  log_sink* log = nullptr;  ///< gets the port's own troubles and, with keys, who was refused; outlives it
  /// With keys; never more than a quarter of the context's. Subscriptions count as never taken.
  connection_limits connections{.held_bytes_max = 16 * MiB};
  std::size_t refused_topics_max =
      256;  ///< with keys: of one peer; libzmq keeps what was asked for all the same
};

/// The heads port as an XPUB socket with a thread of its own; the socket is bound when this returns.
///
/// With keys each subscription is granted or not heard of; when a grant has ended, all connections are ended
/// before the next message and made anew by those who may. What a listener misses meanwhile he learns from
/// the heartbeat that greets him. Errors: permission_denied, already_exists, invalid_argument, io.
result<std::unique_ptr<head_publisher>> make_zmq_publisher(std::shared_ptr<zmq_context> context,
                                                           const zmq_publisher_options& options);

/// Topics; see schemas/heads.capnp.
inline constexpr std::string_view heartbeat_topic = "h";
std::string announcement_topic(std::string_view channel);
/// The channel whose announcements exactly `topic` asks for; nothing where it is none: a beginning of such a
/// topic would ask for several channels.
std::optional<std::string> channel_of_topic(std::string_view topic);

}  // namespace graphite
