#pragma once

#include "core/error.hpp"
#include "core/messages/heads.hpp"

namespace graphite {

/// The bytes of schemas/heads.capnp, framed as one Cap'n Proto message. Pure.
/// Decoding is strict: every limit of core/messages/heads.hpp is checked, ascending order where it is
/// promised, and the traversal is bounded; errors: corrupt, too_large. One copy of each byte.
byte_vector encode(const announcement& message);
result<announcement> decode_announcement(byte_span bytes);

byte_vector encode(const heartbeat& message);
result<heartbeat> decode_heartbeat(byte_span bytes);

}  // namespace graphite
