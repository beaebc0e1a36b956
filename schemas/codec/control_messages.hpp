#pragma once

#include "core/messages/control.hpp"

namespace graphite {

/// The bytes of schemas/control.capnp. Pure. Decoding is strict: every limit of control_limits is checked
/// before anything is allocated. Errors: corrupt, too_large. Whoever encodes keeps within them, and under
/// control_limits::message_bytes_max.
byte_vector encode(const to_coordinator& message);
byte_vector encode(const to_node& message);
result<to_coordinator> decode_to_coordinator(byte_span bytes);
result<to_node> decode_to_node(byte_span bytes);

}  // namespace graphite
