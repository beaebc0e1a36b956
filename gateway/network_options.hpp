#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/secret.hpp"
#include "gateway/access_policy.hpp"
#include "gateway/identity_table.hpp"
#include "gateway/live_revocations.hpp"

namespace graphite {

/// Certificate and key (PEM) of who answers or asks, and the authority (PEM) that the other side's
/// certificate has to come from.
struct tls_identity {
  std::string certificate;  ///< empty: shows none
  secret_bytes key;
  std::string authority;
};

/// Limits of a port for clients on other machines, each with its refusal.
struct network_limits {
  std::uint32_t connections_max = 256;      ///< that said hello; more: it answers `busy`
  std::uint32_t unauthenticated_max = 128;  ///< have not yet; more: the oldest of them is closed
  event_rate accepts{500, 500};             ///< connections begun; more wait in the kernel's backlog
  int backlog = 128;                        ///< more: the kernel drops them, and their system asks again
  std::uint64_t bytes_before_hello_max = 32 * 1024;  ///< handshake and hello; more: the connection ends
  milliseconds handshake_timeout{3'000};             ///< no TLS by then: the connection ends
  milliseconds refused_linger{1'000};                ///< what a refused one has to read why, and to close
  milliseconds recheck_interval{1'000};              ///< at which sessions learn that they count no more
  event_rate refusals_logged{10, 50};                ///< more are only counted
  identity_table::limits identities;                 ///< connections: hello answers `busy`; calls: `busy`
};

/// Ports for clients on other machines, beside the unix socket. Without keys only loopback is listened on,
/// without TLS, and the token of this start is asked for.
struct network_options {
  std::string certificates_at;  ///< "ADDRESS:PORT" of mutual TLS, usually 7400; empty: none
  std::string tokens_at;        ///< TLS, and a token in hello, usually 7405; empty: none
  /// Of the server `graphite-server` and the clients' authority. Null: there are no keys.
  std::shared_ptr<const tls_identity> keys;
  access_options access;  ///< roots, tenant, clock tolerance
  /// Checks tokens. Null: tokens are refused. Outlives the service.
  const signature_verifier* verifier = nullptr;
  /// Asked at each call; update() it at any time. Null: nothing is ever revoked.
  std::shared_ptr<const live_revocations> revocations;
  network_limits limits;
  std::function<std::int64_t()> unix_ns;  ///< the time of day; null: the system's
};

}  // namespace graphite
