#pragma once

#include <span>

#include "core/error.hpp"
#include "core/messages/stores.hpp"

namespace graphite {

/// The bytes of schemas/stores.capnp. Pure. Decoding is strict: every limit of store_port_limits is checked
/// before anything is allocated, and whether number and sizes of the raw frames fit the message; errors:
/// corrupt, too_large, unsupported.

/// The first frame of a request; its raw frames follow it.
byte_vector encode_store_request(const stores::request& message);
/// `frames`: the first and the raw ones, which are not copied.
result<stores::request> decode_store_request(std::span<const byte_span> frames);

/// Header frame, then the raw frames as they are.
std::vector<byte_vector> encode_store_reply(stores::reply message);
/// Takes the frames' bytes over.
result<stores::reply> decode_store_reply(std::vector<byte_vector> frames);

}  // namespace graphite
