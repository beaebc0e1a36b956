#pragma once

#include <memory>

#include "core/ports/log.hpp"
#include "core/ports/store_transport.hpp"
#include "core/units.hpp"
#include "platform/zmq/context.hpp"
#include "platform/zmq/peer_connections.hpp"

namespace graphite {

struct zmq_store_server_options {
  listen_options listen{"127.0.0.1", 7403, true};
  std::size_t frame_bytes_max = 1 * MiB;
  std::size_t frames_max = 257;               ///< of a request, after its number
  std::size_t waiting_requests_max = 64;      ///< of one connection
  std::size_t waiting_bytes_max = 128 * MiB;  ///< of all connections
  std::size_t put_off_max = 4096;             ///< requests that wait for flush(); others wait for them
  log_sink* log = nullptr;  ///< gets the port's own troubles and, with keys, who was refused; outlives it
  connection_limits connections = {.held_bytes_max = 16 * MiB};
};

/// A store's port as a ROUTER socket with a thread of its own, one that calls `handler.handle()` and one that
/// calls `handler.flush()`; the handler outlives the server. A reply that its peer does not take is dropped,
/// and so is a request beyond those that may wait: the peer asks again. Connections take turns. Errors:
/// permission_denied, already_exists, io.
result<std::unique_ptr<store_server>> make_zmq_store_server(std::shared_ptr<zmq_context> context,
                                                            const zmq_store_server_options& options,
                                                            store_handler& handler);

}  // namespace graphite
