#pragma once

#include "core/error.hpp"
#include "core/messages/chunks.hpp"

namespace graphite {

/// The bytes of schemas/chunks.capnp. Pure. Decoding is strict: every limit of chunk_port_limits is
/// checked before anything is allocated; errors: corrupt, too_large.
byte_vector encode(const chunk_request& message, std::string_view channel = {});
byte_vector encode(const scoped_request& message);
result<scoped_request> decode_chunk_request(byte_span bytes);

/// Header frame, then the raw frames as they are.
std::vector<byte_vector> encode(chunk_reply message);
/// Takes the frames' bytes over. Checks that number and sizes of the raw frames fit the header.
result<chunk_reply> decode_chunk_reply(std::vector<byte_vector> frames);

}  // namespace graphite
