#include "core/store_pass.hpp"

#include "core/hex.hpp"
#include "core/statement_frame.hpp"

namespace graphite {

result<signed_statement> sign_store_pass(const store_pass_statement& what,
                                         const message_signer& coordinator) {
  if (!is_channel_name(what.tenant))
    return fail(errc::invalid_argument, "'" + what.tenant + "' cannot name a tenant");
  GRAPHITE_CHECK(check_validity(what.valid, "a pass to stores for " + what.tenant));
  auto out = begin_body();
  out.bytes(what.tenant);
  out.bytes(text_of(what.client.bytes));
  write_validity(out, what.valid);
  return sign_body(coordinator, statement_kind::store_pass, out.take());
}

result<store_pass_statement> verified_store_pass(const signed_statement& what, const public_key& coordinator,
                                                 const signature_verifier& verifier) {
  return read_signed<store_pass_statement>(statement_kind::store_pass, what, coordinator, verifier,
                                           [](record_reader& from, store_pass_statement& out) {
                                             out.tenant = read_channel(from);
                                             read_into(from, out.client.bytes);
                                             out.valid = read_validity(from);
                                           });
}

byte_vector encode_store_pass(const store_pass& what) { return encode_ticket({what.key, what.grant}); }

result<store_pass> decode_store_pass(byte_span bytes) {
  auto out = decode_ticket(bytes);
  if (!out) return fail(out.error().code, "not a pass to stores");
  return store_pass{std::move(out->key), std::move(out->grant)};
}

std::string store_port_binding(const curve_key& store, const curve_key& client) {
  return "graphite store port " + hex_text(store.bytes) + " " + hex_text(client.bytes);
}

}  // namespace graphite
