#pragma once

#include <memory>

#include "core/ports/transport.hpp"
#include "core/units.hpp"
#include "platform/zmq/context.hpp"

namespace graphite {

struct zmq_chunk_server_options {
  listen_options listen{"127.0.0.1", 7403, true};
  std::size_t request_bytes_max = 64 * KiB;
  int waiting_requests_max = 8;        ///< of one connection, with keys: what a stranger can make us hold
  std::size_t connections_max = 4096;  ///< with keys; never more than half of the context's
};

/// The chunk port as a ROUTER socket with a thread of its own, which calls `handler`; `handler` outlives
/// the server. A reply that its peer does not take (its queue is full, it is gone) is dropped: the peer
/// asks again. Errors: permission_denied, already_exists, io.
result<std::unique_ptr<chunk_server>> make_zmq_chunk_server(std::shared_ptr<zmq_context> context,
                                                            const zmq_chunk_server_options& options,
                                                            chunk_handler& handler);

}  // namespace graphite
