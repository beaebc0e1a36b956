#pragma once

#include <memory>

#include "core/ports/store_transport.hpp"
#include "core/units.hpp"
#include "platform/zmq/context.hpp"

namespace graphite {

struct zmq_store_link_options {
  std::size_t reply_bytes_max = 48 * MiB;  ///< largest frame: a chunk list
  std::size_t reply_frames_max = 257;
  std::size_t held_bytes_max = 64 * MiB;  ///< of one store: what it has sent and poll() has not handed over
  std::size_t unsent_max = 64;            ///< messages to one store; then send() says busy
  curve_pair_ptr own = nullptr;           ///< then only stores that prove their keys are talked to
};

/// A DEALER socket for each store behind one poll, with a monitor each. Errors: io.
result<std::unique_ptr<store_link>> make_zmq_store_link(std::shared_ptr<zmq_context> context,
                                                        const zmq_store_link_options& options);

}  // namespace graphite
