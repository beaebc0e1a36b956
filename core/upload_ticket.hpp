#pragma once

#include <string>

#include "core/credentials.hpp"

namespace graphite {

/// \file By what right a client of the coordinator puts contents into the cluster's stores. All functions are
/// pure and thread-safe.

/// By a coordinator's key: whoever holds `client` may put contents of a job into the stores.
struct upload_statement {
  std::string tenant;
  curve_key client;
  std::uint64_t job = 0;
  std::uint64_t bytes_max = 0;  ///< of all of them
  validity valid;
  auto operator<=>(const upload_statement&) const = default;
};

/// A grant and that its key may give it: what is shown to a store. At most ticket_bytes_max encoded.
struct upload_ticket {
  signed_statement key;  ///< a role_key statement of a coordinator
  signed_statement grant;
  bool operator==(const upload_ticket&) const = default;
};

/// Errors: invalid_argument (a tenant's name that is none, never valid), io.
result<signed_statement> sign_upload(const upload_statement& what, const message_signer& coordinator_key);
/// Errors: permission_denied (not signed by it), corrupt (signed, and not read). Time and revocation are the
/// caller's to check.
result<upload_statement> verified_upload(const signed_statement& what, const public_key& coordinator_key,
                                         const signature_verifier& verifier);

byte_vector encode_upload_ticket(const upload_ticket& what);
/// Errors: corrupt.
result<upload_ticket> decode_upload_ticket(byte_span bytes);

/// What a ticket of this root grants to `client` now. Errors: permission_denied (of another root, of a key
/// that is no coordinator's, for another client, not yet or no longer), corrupt. Revocation is the caller's
/// to check: of the key by its serial, which is told.
struct granted_upload {
  upload_statement says;
  std::uint64_t key_serial = 0;
};
result<granted_upload> check_upload(const upload_ticket& shown, const curve_key& client,
                                    const public_key& root, const signature_verifier& verifier,
                                    std::int64_t now_unix_ns);

}  // namespace graphite
