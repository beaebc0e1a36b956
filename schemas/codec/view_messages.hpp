#pragma once

#include "core/messages/views.hpp"

namespace graphite {

/// The bytes of schemas/views.capnp. Pure. Decoding is strict: every limit of view_limits is checked before
/// anything is allocated. Errors: corrupt, too_large, newer_version. Whoever encodes keeps within them; texts
/// that are too long are cut.
byte_vector encode(const view_to_coordinator& message);
byte_vector encode(const view_to_watcher& message);
result<view_to_coordinator> decode_view_to_coordinator(byte_span bytes);
result<view_to_watcher> decode_view_to_watcher(byte_span bytes);

}  // namespace graphite
