#pragma once

#include "core/credentials.hpp"

namespace graphite {

/// \file What gives a connection to a store its grant (schemas/stores.capnp, `Enrol`). All functions are
/// pure.

/// By a coordinator's role key: who holds `client` may bring contents to the stores and fetch them for
/// `tenant`. For clients that submit work: it lasts as long as their session, at most.
struct store_pass_statement {
  std::string tenant;
  curve_key client;
  validity valid;
  auto operator<=>(const store_pass_statement&) const = default;
};

/// A pass and the role key that signed it: what a client shows. At most ticket_bytes_max encoded, as a
/// ticket.
struct store_pass {
  signed_statement key;  ///< a role_key statement of a coordinator
  signed_statement grant;
  bool operator==(const store_pass&) const = default;
};

/// Errors: invalid_argument (a tenant's name that is none, never valid), io.
result<signed_statement> sign_store_pass(const store_pass_statement& what, const message_signer& coordinator);
/// Errors: permission_denied (not signed by it), corrupt (signed, and not read). Expiry is the caller's to
/// check.
result<store_pass_statement> verified_store_pass(const signed_statement& what, const public_key& coordinator,
                                                 const signature_verifier& verifier);
byte_vector encode_store_pass(const store_pass& what);
/// Errors: corrupt.
result<store_pass> decode_store_pass(byte_span bytes);

/// What a hello by a store's port is bound to (core/hello.hpp): both ends have proved these keys on the
/// connection, and nobody between them can have.
std::string store_port_binding(const curve_key& store, const curve_key& client);

}  // namespace graphite
