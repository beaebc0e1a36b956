#include "cli/chunk_port.hpp"

#include "schemas/codec/chunk_messages.hpp"

namespace graphite {

std::vector<byte_vector> chunk_port::handle(byte_span, byte_span request) {
  const auto decoded = decode_chunk_request(request);
  if (!decoded)
    return encode(chunk_reply{refusal{decoded.error().code, decoded.error().context.substr(0, 200)}, {}});
  if (const auto* ack = std::get_if<ack_request>(&*decoded)) {
    const std::lock_guard lock(mutex_);
    acks_.note(*ack, clock_.now());
    return encode(chunk_reply{ack_reply{}, {}});
  }
  return encode(service_.answer(*decoded));
}

std::vector<ack_summary::peer> chunk_port::peers() {
  const std::lock_guard lock(mutex_);
  acks_.expire(clock_.now());
  return acks_.peers();
}

}  // namespace graphite
