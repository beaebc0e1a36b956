#include "relay/store_service.hpp"
#include "schemas/codec/store_messages.hpp"
#include "tests/fuzz/blind_hasher.hpp"
#include "tests/fuzz/frames.hpp"
#include "tests/fuzz/targets.hpp"
#include "tests/support/memory_chunk_store.hpp"

namespace graphite::fuzz {

namespace {

/// What a store makes of a request, twice: it answers both, each piece of a put for itself.
void serve(const stores::request& request, std::span<const byte_span> raw) {
  memory_chunk_store store(blind);
  store.options().bytes_max = MiB;
  store_service service(store, blind);
  for (store_service::ticket ticket = 1; ticket <= 2; ++ticket) {
    auto reply = service.answer(ticket, {}, request, raw, {});
    if (!reply) {
      auto answers = service.synced(service.take_waiting(), store.sync());
      GRAPHITE_INVARIANT(answers.size() == 1 && answers[0].first == ticket);
      reply = std::move(answers[0].second);
    }
    const auto read = decode_store_reply(encode_store_reply(*reply));
    GRAPHITE_INVARIANT(read && *read == *reply);
    if (const auto* put = std::get_if<stores::put_request>(&request))
      GRAPHITE_INVARIANT(std::get<stores::put_reply>(reply->header).pieces.size() == put->pieces.size());
  }
}

}  // namespace

bool store_request(byte_span bytes) {
  const auto frames = frames_of(bytes, store_port_limits::frames_max + 1);
  std::vector<byte_span> spans(frames.begin(), frames.end());
  const auto read = decode_store_request(spans);
  if (!read) return false;
  const auto written = encode_store_request(*read);
  spans[0] = written;
  const auto again = decode_store_request(spans);
  GRAPHITE_INVARIANT(again && *again == *read);
  serve(*read, std::span<const byte_span>(spans).subspan(1));
  return true;
}

bool store_reply(byte_span bytes) {
  const auto read = decode_store_reply(frames_of(bytes, store_port_limits::frames_max + 1));
  if (!read) return false;
  const auto again = decode_store_reply(encode_store_reply(*read));
  GRAPHITE_INVARIANT(again && *again == *read);
  return true;
}

}  // namespace graphite::fuzz
