#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "actors/facade.hpp"
#include "core/error.hpp"
#include "core/ports/log.hpp"
#include "core/units.hpp"
#include "gateway/network_options.hpp"

namespace graphite {

/// Where the HTTP server gets what it shows. Asked by its one thread, which all clients share: must be quick.
struct http_sources {
  std::function<std::string()> metrics;            ///< text exposition
  std::function<bool()> ready;                     ///< /readyz: 200 or 503
  std::function<void(reply<std::string>)> status;  ///< one JSON object, as soon as it is known
};

/// What a request shows of who asks.
struct http_peer {
  std::string common_name;  ///< of a verified certificate; empty: none was shown
  std::string bearer;       ///< of "Authorization: Bearer …"; empty: none
};

/// Limits of an HTTP port, each with its refusal. Who is *unproved* has shown no certificate yet; without
/// keys, no request.
struct http_limits {
  std::uint32_t unproved_max = 1'024;          ///< more: the oldest of them is closed
  std::uint32_t proved_max = 64;               ///< more: the oldest of them is closed
  event_rate accepts{500, 1'000};              ///< connections begun; more wait in the kernel's backlog
  int backlog = 1'024;                         ///< more: the kernel drops them, and their system asks again
  std::uint64_t request_bytes_max = 32 * KiB;  ///< handshake and request; more: 400, or the connection ends
  milliseconds handshake_timeout{3'000};       ///< no TLS by then: the connection ends
  milliseconds request_timeout{5'000};         ///< no whole request by then: the connection ends
  milliseconds status_timeout{4'000};          ///< no status by then: 503
  milliseconds answer_timeout{5'000};          ///< the answer not taken by then: the connection ends
  milliseconds linger{1'000};                  ///< what a client has to read the answer, and to close
  std::uint32_t questions_max = 64;            ///< for the status, of vanished clients, too; more: 503
  event_rate refusals_logged{10, 50};          ///< more are only counted
  identity_table::limits identities;           ///< connections of one certificate; more: 503
};

struct http_server_options {
  std::string address = "127.0.0.1";  ///< numeric; loopback unless there are keys
  std::uint16_t port = 7404;          ///< 0: any free one
  bool any_port_if_taken = true;      ///< otherwise already_exists
  /// TLS 1.3, with a certificate of their authority from who asks. Null: neither.
  std::shared_ptr<const tls_identity> keys;
  /// Whether anything may be shown, /status too; a refusal is answered with 403 and its text, and logged. By
  /// the server's thread, as may_see_status.
  std::function<result<void>(const http_peer&)> may_ask = [](const http_peer&) { return result<void>(); };
  std::function<result<void>(const http_peer&)> may_see_status = [](const http_peer&) {
    return result<void>();
  };
  http_limits limits;
};

/// Serves /metrics, /healthz, /readyz and /status to operators (GET and HEAD, one request a connection).
///
/// Owns one thread with one event loop, which waits for no client: who is slow, with TLS or before it, keeps
/// nobody out. Without TLS requests that name another host than this machine in `Host` are refused (403): a
/// web page cannot reach it by rebinding a name to 127.0.0.1.
class http_server {
 public:
  /// Listening when it returns. `log` outlives it. Errors: permission_denied (an address that is not
  /// loopback, without keys), already_exists, corrupt (keys that cannot be read), invalid_argument (no
  /// address), io.
  static result<std::unique_ptr<http_server>> start(http_sources sources, http_server_options options,
                                                    log_sink& log);
  /// Closes every connection.
  ~http_server();
  http_server(const http_server&) = delete;
  http_server& operator=(const http_server&) = delete;

  /// Connections to come are met with these keys. For a server that has keys. Any thread. Errors: corrupt
  /// (keys that cannot be read: those before stay), unsupported (there were none).
  result<void> use_keys(const tls_identity& keys);

  std::uint16_t port() const;
  std::string address() const;  ///< "127.0.0.1:7404"

 private:
  class impl;
  explicit http_server(std::unique_ptr<impl> self);
  std::unique_ptr<impl> impl_;
};

}  // namespace graphite
