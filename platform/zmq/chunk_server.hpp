#pragma once

#include <memory>

#include "core/ports/log.hpp"
#include "core/ports/transport.hpp"
#include "core/units.hpp"
#include "platform/zmq/context.hpp"
#include "platform/zmq/peer_connections.hpp"

namespace graphite {

struct zmq_chunk_server_options {
  listen_options listen{"127.0.0.1", 7403, true};
  std::size_t request_bytes_max = 64 * KiB;
  std::size_t waiting_requests_max = 32;          ///< of one connection, with keys
  std::size_t waiting_requests_local_max = 1000;  ///< of one connection, without keys
  std::size_t waiting_bytes_max = 64 * MiB;       ///< of all connections
  log_sink* log = nullptr;  ///< gets the port's own troubles and, with keys, who was refused; outlives it
  connection_limits connections = {};  ///< with keys; never more than a quarter of the context's
};

/// The chunk port as a ROUTER socket with a thread of its own and one that calls `handler`, which outlives
/// the server. A reply that its peer does not take (its queue is full, it is gone) is dropped, and so is a
/// request beyond those that may wait: the peer asks again. Connections take turns. Errors:
/// permission_denied, already_exists, io.
result<std::unique_ptr<chunk_server>> make_zmq_chunk_server(std::shared_ptr<zmq_context> context,
                                                            const zmq_chunk_server_options& options,
                                                            chunk_handler& handler);

}  // namespace graphite
