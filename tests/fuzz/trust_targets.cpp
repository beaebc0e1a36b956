#include "bundle/head_signature.hpp"
#include "cli/subscriber_trust.hpp"
#include "core/client_identity.hpp"
#include "core/credentials.hpp"
#include "core/store_pass.hpp"
#include "platform/keys/key_text.hpp"
#include "tests/fuzz/blind_signer.hpp"
#include "tests/fuzz/targets.hpp"

namespace graphite::fuzz {

namespace {

/// What a body says, signed again: the same body, or nothing where it is refused.
template <class Verified, class Sign>
bool same_body(const signed_statement& given, Verified verified, Sign sign) {
  const auto says = verified(given, blind_key.key(), blind_key);
  if (!says) return false;
  const auto again = sign(*says, blind_key);
  // A signer is stricter than a reader: it makes nothing that never counts.
  if (again) expect_equal(again->body, given.body);
  return true;
}

}  // namespace

bool statement(byte_span bytes) {
  if (bytes.empty()) return false;
  signed_statement given;
  given.body.assign(bytes.begin() + 1, bytes.end());
  switch (static_cast<unsigned>(bytes[0]) % 8) {
    case 0:
      return same_body(given, verified_channel_key, sign_channel_key);
    case 1:
      return same_body(given, verified_succession, sign_succession);
    case 2:
      return same_body(given, verified_root_succession, sign_root_succession);
    case 3:
      return same_body(given, verified_role_key, sign_role_key);
    case 4:
      return same_body(given, verified_ticket, sign_ticket);
    case 5:
      return same_body(given, verified_token, sign_token);
    case 7:
      return same_body(given, verified_store_pass, sign_store_pass);
    default:
      break;
  }
  const auto says = verified_revocations(given, blind_key.key(), blind_key);
  GRAPHITE_INVARIANT(!says || says->serials.size() + says->clients.size() <= says->entries_max);
  return says.has_value();
}

bool signature_of_head(byte_span bytes) {
  const auto read = decode_signature_block(bytes);
  if (read) expect_equal(encode_signature_block(*read), bytes);
  return read.has_value();
}

bool shown_ticket(byte_span bytes) {
  const auto read = decode_ticket(bytes);
  if (read) expect_equal(encode_ticket(*read), bytes);
  return read.has_value();
}

bool learned_trust(byte_span bytes) {
  const auto read = decode_trust(bytes);
  if (read) expect_equal(encode_trust(*read), bytes);
  return read.has_value();
}

bool pinned_roots(byte_span bytes) {
  const auto read = parse_pins(as_text(bytes));
  GRAPHITE_INVARIANT(!read || (!read->empty() && read->size() <= pinned_root::roots_max));
  if (read) GRAPHITE_INVARIANT(parse_pins(pins_text(*read)).value().size() == read->size());
  return read.has_value();
}

bool client_name(byte_span bytes) {
  const auto read = parse_client_identity(as_text(bytes));
  if (read) GRAPHITE_INVARIANT(encode_client_identity(*read).value() == as_text(bytes));
  return read.has_value();
}

bool token_in_text(byte_span bytes) {
  const auto read = parse_token_text(as_text(bytes));
  if (read) GRAPHITE_INVARIANT(parse_token_text(token_text(*read)).value() == *read);
  return read.has_value();
}

}  // namespace graphite::fuzz
