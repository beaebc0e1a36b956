#include "core/upload_ticket.hpp"

#include "core/statement_frame.hpp"

namespace graphite {

result<signed_statement> sign_upload(const upload_statement& what, const message_signer& coordinator_key) {
  if (!is_channel_name(what.tenant))
    return fail(errc::invalid_argument, "a ticket for a tenant without a name");
  GRAPHITE_CHECK(check_validity(what.valid, "a ticket for " + what.tenant));
  auto out = begin_body();
  out.bytes(what.tenant);
  out.bytes(text_of(what.client.bytes));
  out.number(what.job);
  out.number(what.bytes_max);
  write_validity(out, what.valid);
  return sign_body(coordinator_key, statement_kind::upload, out.take());
}

result<upload_statement> verified_upload(const signed_statement& what, const public_key& coordinator_key,
                                         const signature_verifier& verifier) {
  return read_signed<upload_statement>(statement_kind::upload, what, coordinator_key, verifier,
                                       [](record_reader& from, upload_statement& out) {
                                         out.tenant = read_channel(from);
                                         read_into(from, out.client.bytes);
                                         out.job = from.number();
                                         out.bytes_max = from.number();
                                         out.valid = read_validity(from);
                                       });
}

byte_vector encode_upload_ticket(const upload_ticket& what) { return encode_ticket({what.key, what.grant}); }

result<upload_ticket> decode_upload_ticket(byte_span bytes) {
  return decode_ticket(bytes).map([](ticket&& read) {
    return upload_ticket{std::move(read.key), std::move(read.grant)};
  });
}

result<granted_upload> check_upload(const upload_ticket& shown, const curve_key& client,
                                    const public_key& root, const signature_verifier& verifier,
                                    std::int64_t now_unix_ns) {
  GRAPHITE_TRY(const auto key, verified_role_key(shown.key, root, verifier));
  if (key.what != role::coordinator || !key.valid.holds(now_unix_ns))
    return fail(errc::permission_denied, "a ticket that no coordinator gave whose key counts now");
  GRAPHITE_TRY(auto says, verified_upload(shown.grant, key.key, verifier));
  if (says.client != client) return fail(errc::permission_denied, "a ticket for another client");
  if (!says.valid.holds(now_unix_ns))
    return fail(errc::permission_denied,
                "a ticket whose time has ended: ask the coordinator what is missing");
  return granted_upload{std::move(says), key.serial};
}

}  // namespace graphite
