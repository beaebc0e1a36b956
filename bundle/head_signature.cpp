#include "bundle/head_signature.hpp"

#include <algorithm>

#include "core/record_codec.hpp"

namespace graphite {

namespace {

// Body, signature of the root, signature of the key, and their lengths.
static_assert(signed_statement::body_bytes_max + 2 * sizeof(signature) + 8 <= head_signature_bytes_max);

byte_vector written(const record_writer& from) {
  const auto bytes = as_bytes(from.text());
  return {bytes.begin(), bytes.end()};
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
  return written(out);
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

byte_vector signed_part(const channel_state& state, const publisher_place& place) {
  record_writer out;
  out.bytes(state.channel);
  out.bytes(as_text(std::as_bytes(std::span(state.lineage.value.bytes))));
  out.number(state.epoch.value);
  out.number(state.sequence.value);
  out.digest_value(state.root);
  out.signed_number(state.expires_unix_ns);
  out.bytes(as_text(std::as_bytes(std::span(place.publisher.value.bytes))));
  out.bytes(place.chunk_host);
  out.number(place.chunk_port);
  return written(out);
}

result<byte_vector> signed_part(const head& value, const hasher& hash) {
  head_file file;
  file.value = value;
  file.signature.resize(1);  // the version says that there is one
  GRAPHITE_TRY(auto out, encode_head(file, hash));
  out.resize(head_shared_bytes);
  return out;
}

result<byte_vector> signed_head(byte_span shared, const signed_statement& key, const message_signer& signer) {
  return signed_body(statement_kind::head, shared, key, signer);
}

result<byte_vector> signed_state(const channel_state& state, const publisher_place& place,
                                 const signed_statement& key, const message_signer& signer) {
  return signed_body(statement_kind::state, signed_part(state, place), key, signer);
}

result<byte_vector> signature_of(const head& value, const hasher& hash, const head_signer* signer) {
  if (signer == nullptr) return byte_vector();
  GRAPHITE_TRY(const auto shared, signed_part(value, hash));
  return signer->sign_head(value.channel, shared);
}

}  // namespace graphite
