#include "cli/chunk_port.hpp"

#include "schemas/codec/chunk_messages.hpp"

namespace graphite {

namespace {

chunk_service_sources sources_of(const chunk_store& contents, const hasher& hash, published_state& published) {
  chunk_service_sources out;
  out.store = &contents;
  out.hash = &hash;
  out.page = [&published](const digest& page) { return published.page(page); };
  out.head = [&published](std::string_view channel) { return published.current(channel); };
  return out;
}

}  // namespace

chunk_port::chunk_port(const chunk_store& contents, const hasher& hash, published_state& published,
                       const clock_source& clock)
    : published_(published), clock_(clock), service_(sources_of(contents, hash, published)) {}

std::vector<byte_vector> chunk_port::handle(byte_span, byte_span request) {
  const auto asked = decode_chunk_request(request);
  if (!asked) return encode(chunk_reply{refusal{asked.error().code, asked.error().context}, {}});
  if (const auto* ack = std::get_if<ack_request>(&*asked)) {
    published_.note(*ack, clock_.now());
    return encode(chunk_reply{ack_reply{}, {}});
  }
  return encode(service_.answer(*asked));
}

}  // namespace graphite
