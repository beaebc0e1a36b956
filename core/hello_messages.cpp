#include "core/hello_messages.hpp"

#include "core/statement_frame.hpp"

namespace graphite {

namespace {

constexpr std::uint8_t hello_version = 1;
enum class hello_kind : std::uint8_t { challenge = 1, answer = 2, proof = 3 };

std::string_view text_of(const incarnation_id& incarnation) {
  return as_text(std::as_bytes(std::span(incarnation.value.bytes)));
}

byte_vector bytes_of(const record_writer& from) {
  const auto bytes = as_bytes(from.text());
  return {bytes.begin(), bytes.end()};
}

record_writer begin_hello(hello_kind kind) {
  record_writer out;
  out.byte(hello_version);
  out.byte(static_cast<std::uint8_t>(kind));
  return out;
}

/// A nonce, an incarnation and a key: what both sides show.
template <class Message>
void write_self(record_writer& out, const Message& what) {
  out.bytes(graphite::text_of(what.nonce.bytes));
  out.bytes(text_of(what.incarnation));
  out.bytes(as_text(encode_signed(what.key)));
}

template <class Message>
void read_self(record_reader& from, Message& out) {
  read_into(from, out.nonce.bytes);
  read_into(from, out.incarnation.value.bytes);
  auto key = decode_signed(as_bytes(from.bytes(hello_bytes_max)));
  if (!key) return from.fault();
  out.key = std::move(*key);
}

/// An answer without its proof.
record_writer write_claim(const hello_answer& what) {
  auto out = begin_hello(hello_kind::answer);
  out.bytes(graphite::text_of(what.to.bytes));
  write_self(out, what);
  return out;
}

template <class Message, class Read>
result<Message> decode_hello(hello_kind kind, byte_span bytes, Read read) {
  if (bytes.size() > hello_bytes_max)
    return fail(errc::too_large, "a hello of " + std::to_string(bytes.size()) + " bytes, at most " +
                                     std::to_string(hello_bytes_max) + " make one");
  record_reader from(as_text(bytes));
  Message out;
  if (const auto version = from.byte(); version > hello_version)
    return fail(errc::newer_version, "a hello of a newer program: upgrade this one");
  else if (version != hello_version)
    from.fault();
  if (from.byte() != static_cast<std::uint8_t>(kind)) from.fault();
  read(from, out);
  if (!from.ok() || !from.at_end())
    return fail(errc::corrupt, "bytes that are not the next message of a hello");
  return out;
}

}  // namespace

byte_vector encode(const hello_challenge& what) {
  auto out = begin_hello(hello_kind::challenge);
  write_self(out, what);
  return bytes_of(out);
}

byte_vector encode(const hello_answer& what) {
  auto out = write_claim(what);
  out.bytes(text_of(what.proof.bytes));
  return bytes_of(out);
}

byte_vector encode(const hello_proof& what) {
  auto out = begin_hello(hello_kind::proof);
  out.bytes(text_of(what.to.bytes));
  out.bytes(text_of(what.proof.bytes));
  return bytes_of(out);
}

result<hello_challenge> decode_hello_challenge(byte_span bytes) {
  return decode_hello<hello_challenge>(
      hello_kind::challenge, bytes, [](record_reader& from, hello_challenge& out) { read_self(from, out); });
}

result<hello_answer> decode_hello_answer(byte_span bytes) {
  return decode_hello<hello_answer>(hello_kind::answer, bytes, [](record_reader& from, hello_answer& out) {
    read_into(from, out.to.bytes);
    read_self(from, out);
    read_into(from, out.proof.bytes);
  });
}

result<hello_proof> decode_hello_proof(byte_span bytes) {
  return decode_hello<hello_proof>(hello_kind::proof, bytes, [](record_reader& from, hello_proof& out) {
    read_into(from, out.to.bytes);
    read_into(from, out.proof.bytes);
  });
}

byte_vector hello_transcript(hello_side by, std::string_view binding, const hello_challenge& challenge,
                             const hello_answer& answer) {
  record_writer out;
  out.byte(hello_version);
  out.byte(static_cast<std::uint8_t>(by));
  out.bytes(binding);
  out.bytes(as_text(encode(challenge)));
  out.bytes(write_claim(answer).text());
  return bytes_of(out);
}

}  // namespace graphite
