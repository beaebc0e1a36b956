#pragma once

#include <memory>
#include <optional>

#include "core/ports/transport.hpp"
#include "core/units.hpp"
#include "platform/zmq/context.hpp"

namespace graphite {

struct zmq_link_options {
  std::size_t head_bytes_max = MiB;        ///< largest message of the heads port
  std::size_t reply_bytes_max = 48 * MiB;  ///< largest frame of the chunk port
  std::size_t reply_frames_max = 257;
  /// What a connection has brought and poll() has not handed over; more ends it, and it is made anew. ZeroMQ
  /// by itself keeps every frame of a message that never ends.
  std::size_t heads_held_bytes_max = 64 * MiB, chunks_held_bytes_max = 256 * MiB;
  std::optional<link_keys> keys;  ///< then only ports with these keys are talked to, wherever they are
};

/// A SUB and a DEALER socket behind one poll, and a monitor for each of them, which gives the events.
/// Errors: io.
result<std::unique_ptr<runtime_link>> make_zmq_link(std::shared_ptr<zmq_context> context,
                                                    const zmq_link_options& options);

}  // namespace graphite
