#pragma once

#include <memory>

#include "core/ports/transport.hpp"
#include "platform/zmq/context.hpp"

namespace graphite {

struct zmq_publisher_options {
  listen_options listen{"127.0.0.1", 7402, true};
  std::size_t queue_messages_max = 1024;  ///< between announce() and the socket
  milliseconds rejoin_period{20};         ///< newcomers get the kept heartbeat at most this often
};

/// The heads port as an XPUB socket with a thread of its own; the socket is bound when this returns.
/// Errors: permission_denied, already_exists, io.
result<std::unique_ptr<head_publisher>> make_zmq_publisher(std::shared_ptr<zmq_context> context,
                                                           const zmq_publisher_options& options);

/// Topics; see schemas/heads.capnp.
inline constexpr std::string_view heartbeat_topic = "h";
std::string announcement_topic(std::string_view channel);

}  // namespace graphite
