#include "core/statements.hpp"

#include <algorithm>

#include "core/record_codec.hpp"

namespace graphite {

namespace {

constexpr std::uint8_t statement_version = 1;

/// Ends with a zero, which no other begins with.
std::string_view context_of(statement_kind kind) {
  using namespace std::string_view_literals;
  switch (kind) {
    case statement_kind::channel_key:
      return "graphite: a channel's key\0"sv;
    case statement_kind::succession:
      return "graphite: a lineage follows another\0"sv;
    case statement_kind::head:
      return "graphite: a head\0"sv;
    case statement_kind::state:
      break;
  }
  return "graphite: what a channel serves\0"sv;
}

byte_vector covered(statement_kind kind, byte_span body) {
  const auto context = as_bytes(context_of(kind));
  byte_vector out(context.begin(), context.end());
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

template <std::size_t Size>
std::string_view text_of(const std::array<std::byte, Size>& bytes) {
  return as_text(byte_span(bytes));
}
std::string_view text_of(const lineage_id& lineage) {
  return as_text(std::as_bytes(std::span(lineage.value.bytes)));
}

/// Exactly as many bytes as there are places.
template <class Bytes>
void read_into(record_reader& from, Bytes& bytes) {
  const auto text = from.bytes(bytes.size());
  if (text.size() != bytes.size()) return from.fault();
  std::transform(text.begin(), text.end(), bytes.begin(),
                 [](char one) { return static_cast<typename Bytes::value_type>(one); });
}

result<signed_statement> signed_by(const message_signer& root, statement_kind kind, std::string body) {
  signed_statement out;
  const auto bytes = as_bytes(body);
  out.body.assign(bytes.begin(), bytes.end());
  GRAPHITE_TRY(out.by, sign_statement(kind, out.body, root));
  return out;
}

result<void> check_channel(std::string_view channel) {
  if (!is_channel_name(channel))
    return fail(errc::invalid_argument,
                "a statement about '" + std::string(channel) + "', which names no channel");
  return {};
}

/// What all kinds begin with.
record_writer begin_body(std::string_view channel) {
  record_writer out;
  out.byte(statement_version);
  out.bytes(channel);
  return out;
}

/// Reads a body that the root signed; `read` takes what follows the beginning.
template <class Statement, class Read>
result<Statement> read_signed(statement_kind kind, const signed_statement& what, const public_key& root,
                              const signature_verifier& verifier, Read read) {
  if (!statement_verifies(kind, what.body, what.by, root, verifier))
    return fail(errc::permission_denied, "a statement that the pinned root did not sign");
  record_reader from(as_text(what.body));
  Statement out;
  const auto version = from.byte();
  out.channel = from.bytes(channel_name_bytes_max);
  read(from, out);
  if (version != statement_version || !from.ok() || !from.at_end() || !is_channel_name(out.channel))
    return fail(errc::corrupt, "a statement of the root that this version cannot read");
  return out;
}

}  // namespace

result<signature> sign_statement(statement_kind kind, byte_span body, const message_signer& signer) {
  return signer.sign(covered(kind, body));
}

bool statement_verifies(statement_kind kind, byte_span body, const signature& what, const public_key& by,
                        const signature_verifier& verifier) {
  return verifier.verifies(by, covered(kind, body), what);
}

result<signed_statement> sign_channel_key(const channel_key_statement& what, const message_signer& root) {
  GRAPHITE_CHECK(check_channel(what.channel));
  if (what.valid.until_unix_ns <= what.valid.from_unix_ns)
    return fail(errc::invalid_argument, "a key of channel " + what.channel + " that is never valid");
  auto out = begin_body(what.channel);
  out.bytes(text_of(what.key.bytes));
  out.number(what.serial);
  out.signed_number(what.valid.from_unix_ns);
  out.signed_number(what.valid.until_unix_ns);
  return signed_by(root, statement_kind::channel_key, out.take());
}

result<channel_key_statement> verified_channel_key(const signed_statement& what, const public_key& root,
                                                   const signature_verifier& verifier) {
  return read_signed<channel_key_statement>(statement_kind::channel_key, what, root, verifier,
                                            [](record_reader& from, channel_key_statement& out) {
                                              read_into(from, out.key.bytes);
                                              out.serial = from.number();
                                              out.valid.from_unix_ns = from.signed_number();
                                              out.valid.until_unix_ns = from.signed_number();
                                            });
}

result<signed_statement> sign_succession(const succession_statement& what, const message_signer& root) {
  GRAPHITE_CHECK(check_channel(what.channel));
  if (what.before == what.after)
    return fail(errc::invalid_argument, "a lineage of channel " + what.channel + " that follows itself");
  auto out = begin_body(what.channel);
  out.bytes(text_of(what.before));
  out.bytes(text_of(what.after));
  out.number(what.epoch.value);
  return signed_by(root, statement_kind::succession, out.take());
}

result<succession_statement> verified_succession(const signed_statement& what, const public_key& root,
                                                 const signature_verifier& verifier) {
  return read_signed<succession_statement>(statement_kind::succession, what, root, verifier,
                                           [](record_reader& from, succession_statement& out) {
                                             read_into(from, out.before.value.bytes);
                                             read_into(from, out.after.value.bytes);
                                             out.epoch = epoch_number{from.number()};
                                           });
}

byte_vector encode_signed(const signed_statement& what) {
  record_writer out;
  out.bytes(as_text(what.body));
  out.bytes(text_of(what.by.bytes));
  const auto bytes = as_bytes(out.text());
  return {bytes.begin(), bytes.end()};
}

result<signed_statement> decode_signed(byte_span bytes) {
  record_reader from(as_text(bytes));
  const auto body = as_bytes(from.bytes(signed_statement::body_bytes_max));
  signed_statement out;
  out.body.assign(body.begin(), body.end());
  read_into(from, out.by.bytes);
  if (!from.ok() || !from.at_end()) return fail(errc::corrupt, "not a signed statement");
  return out;
}

}  // namespace graphite
