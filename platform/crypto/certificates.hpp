#pragma once

#include <string>
#include <string_view>

#include "core/secret.hpp"
#include "core/statements.hpp"

namespace graphite {

/// \file X.509 certificates (RFC 5280) with P-256 keys, by OpenSSL. All functions are thread-safe.

/// A certificate (PEM) and its key (PEM, PKCS #8).
struct certificate_pair {
  std::string certificate;
  secret_bytes key;
};

/// A `peer` both listens and dials.
enum class certificate_use { authority, server, client, peer };

struct certificate_request {
  std::string common_name;  ///< 1 … common_name_bytes_max
  std::string host;         ///< the one DNS name that it is valid for; empty: none
  certificate_use use = certificate_use::client;
  std::uint64_t serial = 0;
  validity valid;
  static constexpr std::size_t common_name_bytes_max = 64;
};

/// What every TLS server of ours is called, whatever its address: what clients expect of their authority.
inline constexpr std::string_view tls_server_name = "graphite-server";

/// One that signs itself, for certificates at the ends of chains only. Errors: invalid_argument, io.
result<certificate_pair> make_authority(const certificate_request& what);
/// Errors: invalid_argument, corrupt (no authority's certificate or key), io.
result<certificate_pair> issue_certificate(const certificate_pair& authority,
                                           const certificate_request& what);

struct certificate_facts {
  std::string common_name;
  std::uint64_t serial = 0;
  std::int64_t until_unix_ns = 0;
  bool authority = false;
};
/// Of the first certificate in `pem`. Errors: corrupt.
result<certificate_facts> read_certificate(std::string_view pem);

}  // namespace graphite
