#include "runtime/head_gate.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/record_codec.hpp"

namespace graphite {

namespace {

// Body, signature of the root, signature of the key, and their lengths.
static_assert(signed_statement::body_bytes_max + 2 * sizeof(signature) + 8 <= head_signature_bytes_max);

byte_vector bytes_of(std::string_view text) {
  const auto bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

/// What a signature of a state covers: all of it but the signature.
byte_vector state_body(const channel_state& state) {
  record_writer out;
  out.bytes(state.channel);
  out.bytes(as_text(std::as_bytes(std::span(state.lineage.value.bytes))));
  out.number(state.epoch.value);
  out.number(state.sequence.value);
  out.digest_value(state.root);
  out.signed_number(state.expires_unix_ns);
  return bytes_of(out.text());
}

result<byte_vector> signed_body(statement_kind kind, byte_span body, const signed_statement& key,
                                const message_signer& signer) {
  GRAPHITE_TRY(const auto by, sign_statement(kind, body, signer));
  return encode_signature_block({key, by});
}

}  // namespace

byte_vector encode_signature_block(const signature_block& block) {
  record_writer out;
  out.bytes(as_text(encode_signed(block.key)));
  out.bytes(as_text(byte_span(block.by.bytes)));
  return bytes_of(out.text());
}

result<signature_block> decode_signature_block(byte_span bytes) {
  record_reader from(as_text(bytes));
  const auto key = as_bytes(from.bytes(head_signature_bytes_max));
  const auto by = as_bytes(from.bytes(sizeof(signature)));
  if (!from.ok() || !from.at_end() || by.size() != sizeof(signature))
    return fail(errc::corrupt, "not a key and a signature");
  signature_block out;
  GRAPHITE_TRY(out.key, decode_signed(key));
  std::copy(by.begin(), by.end(), out.by.bytes.begin());
  return out;
}

result<byte_vector> signed_head(byte_span head, const signed_statement& key, const message_signer& signer) {
  return signed_body(statement_kind::head, head, key, signer);
}

result<byte_vector> signed_state(const channel_state& state, const signed_statement& key,
                                 const message_signer& signer) {
  return signed_body(statement_kind::state, state_body(state), key, signer);
}

head_gate::head_gate(std::vector<public_key> roots, const signature_verifier& verifier)
    : roots_(std::move(roots)), verifier_(verifier) {
  GRAPHITE_INVARIANT(!roots_.empty());
}

result<void> head_gate::check_head(std::string_view channel, byte_span head, byte_span block,
                                   std::int64_t unix_ns) {
  return check(statement_kind::head, channel, head, block, unix_ns);
}

result<void> head_gate::check_state(const channel_state& state, std::int64_t unix_ns) {
  return check(statement_kind::state, state.channel, state_body(state), state.signature, unix_ns);
}

void head_gate::revoke(std::vector<std::uint64_t> serials) {
  std::sort(serials.begin(), serials.end());
  revoked_ = std::move(serials);
}

/// The statement of the last key is the same with each head: it is verified once.
result<channel_key_statement> head_gate::key_of(const signed_statement& statement) {
  if (last_ == statement) return last_says_;
  auto refused = fail(errc::permission_denied, "no root is pinned");
  for (const auto& root : roots_) {
    auto says = verified_channel_key(statement, root, verifier_);
    if (says) {
      last_ = statement;
      last_says_ = *says;
      return says;
    }
    refused = tl::unexpected(says.error());
  }
  return refused;
}

result<void> head_gate::check(statement_kind kind, std::string_view channel, byte_span body, byte_span block,
                              std::int64_t unix_ns) {
  if (block.empty()) return fail(errc::permission_denied, fmt::format("channel {} is not signed", channel));
  const auto read = decode_signature_block(block);
  if (!read)
    return fail(errc::permission_denied, fmt::format("channel {}: {}", channel, read.error().context));
  GRAPHITE_TRY(const auto key, key_of(read->key));
  if (key.channel != channel)
    return fail(errc::permission_denied,
                fmt::format("channel {} is signed by a key of channel {}", channel, key.channel));
  if (std::binary_search(revoked_.begin(), revoked_.end(), key.serial))
    return fail(errc::permission_denied,
                fmt::format("channel {} is signed by key {}, which was revoked", channel, key.serial));
  if (!key.valid.holds(unix_ns))
    return fail(errc::permission_denied,
                fmt::format("channel {} is signed by key {}, which {}", channel, key.serial,
                            unix_ns < key.valid.from_unix_ns ? "is not valid yet: is this clock right?"
                                                             : "has expired"));
  if (!statement_verifies(kind, body, read->by, key.key, verifier_))
    return fail(errc::permission_denied,
                fmt::format("channel {}: the signature is not of what came", channel));
  return {};
}

}  // namespace graphite
