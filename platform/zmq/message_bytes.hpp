#pragma once

#include <zmq.hpp>

#include "core/digest.hpp"

namespace graphite {

/// The bytes of a message, for as long as it lives.
inline byte_span bytes_of(const zmq::message_t& message) {
  return {static_cast<const std::byte*>(message.data()), message.size()};
}

}  // namespace graphite
