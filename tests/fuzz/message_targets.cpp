#include <capnp/message.h>
#include <capnp/serialize.h>

#include "core/hello_messages.hpp"
#include "gateway/service_codec.hpp"
#include "schemas/codec/announcement.hpp"
#include "schemas/codec/chunk_messages.hpp"
#include "tests/fuzz/blind_hasher.hpp"
#include "tests/fuzz/frames.hpp"
#include "tests/fuzz/targets.hpp"

namespace graphite::fuzz {

namespace {

namespace wire = schema::service;

/// A Cap'n Proto message has many encodings: what was read must read the same once it is written again.
template <class Message, class Decode>
bool reads_the_same_again(const result<Message>& read, Decode&& decode) {
  if (!read) return false;
  const auto again = decode(encode(*read));
  GRAPHITE_INVARIANT(again && *again == *read);
  return true;
}

template <class Wire>
bool accepted(capnp::MessageReader& message) {
  const auto value = service_codec::decode(message.getRoot<Wire>());
  if (!value) return false;
  capnp::MallocMessageBuilder again;
  service_codec::encode(*value, again.initRoot<Wire>());
  GRAPHITE_INVARIANT(service_codec::decode(again.getRoot<Wire>().asReader()).has_value());
  return true;
}

bool accepted_as(unsigned kind, capnp::MessageReader& message) {
  switch (kind) {
    case 0:
      return accepted<wire::Head>(message);
    case 1:
      return accepted<wire::BuildSummary>(message);
    case 2:
      return accepted<wire::Status>(message);
    case 3:
      return accepted<wire::Why>(message);
    case 4:
      return accepted<wire::Lines>(message);
    case 5:
      return accepted<wire::Diff>(message);
    default:
      (void)service_codec::decode_error(message.getRoot<wire::Error>());
      return true;
  }
}

/// Of a format that has one encoding.
template <class Message>
bool is_the_one_encoding(const result<Message>& read, byte_span bytes) {
  if (!read) return false;
  const auto again = encode(*read);
  GRAPHITE_INVARIANT(std::equal(again.begin(), again.end(), bytes.begin(), bytes.end()));
  return true;
}

}  // namespace

bool announcement(byte_span bytes) {
  return reads_the_same_again(decode_announcement(bytes), decode_announcement);
}

bool heartbeat(byte_span bytes) { return reads_the_same_again(decode_heartbeat(bytes), decode_heartbeat); }

bool chunk_request(byte_span bytes) {
  return reads_the_same_again(decode_chunk_request(bytes), decode_chunk_request);
}

bool chunk_reply(byte_span bytes) {
  return reads_the_same_again(decode_chunk_reply(frames_of(bytes, chunk_port_limits::frames_max + 1)),
                              decode_chunk_reply);
}

/// No bytes are two of the messages.
bool hello_message(byte_span bytes) {
  const int taken = int{is_the_one_encoding(decode_hello_challenge(bytes), bytes)} +
                    int{is_the_one_encoding(decode_hello_answer(bytes), bytes)} +
                    int{is_the_one_encoding(decode_hello_proof(bytes), bytes)};
  GRAPHITE_INVARIANT(taken <= 1);
  return taken == 1;
}

/// Damage that Cap'n Proto itself finds comes as an exception, which the clients turn into `corrupt`.
bool service_message(byte_span bytes) {
  if (bytes.size() < 8) return false;
  const auto kind = static_cast<unsigned>(bytes[0]) % 7;
  bytes = bytes.subspan(8);
  auto words = kj::heapArray<capnp::word>(bytes.size() / sizeof(capnp::word));
  std::copy_n(bytes.begin(), words.asBytes().size(), reinterpret_cast<std::byte*>(words.asBytes().begin()));
  capnp::ReaderOptions limits;
  limits.traversalLimitInWords = 1 << 16;
  try {
    capnp::FlatArrayMessageReader message(words, limits);
    return accepted_as(kind, message);
  } catch (const kj::Exception&) {
    return false;
  }
}

}  // namespace graphite::fuzz
