#pragma once

#include <string>
#include <string_view>

#include "core/credentials.hpp"

namespace graphite {

/// What the common name of a client's certificate says. It is all that the library for TLS shows of a
/// certificate that it has verified, so it has to say everything. All functions are pure and thread-safe.
struct client_identity {
  std::string name;  ///< of the person or process; the rule is that for channels
  verb_set verbs;
  std::uint64_t serial = 0;  ///< the certificate's own, by which it is revoked
  auto operator<=>(const client_identity&) const = default;
};

/// Bytes of a common name at most (RFC 5280, ub-common-name).
inline constexpr std::size_t client_identity_bytes_max = 64;

/// "graphite:VERBS:NAME:SERIAL": a letter for each verb in their order (q, b, p, o), the serial in decimal.
/// One identity has one text. Errors: invalid_argument (no name, a name too long beside this serial, no
/// verb).
result<std::string> encode_client_identity(const client_identity& what);
/// Errors: invalid_argument (anything that encode_client_identity would not have written). The context shows
/// nothing of `text`, which comes from a peer.
result<client_identity> parse_client_identity(std::string_view text);

}  // namespace graphite
