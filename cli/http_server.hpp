#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/error.hpp"
#include "gateway/network_options.hpp"

namespace graphite {

/// Where the HTTP server gets what it shows. Called from its threads; must be thread-safe and quick.
struct http_sources {
  std::function<std::string()> metrics;         ///< text exposition
  std::function<bool()> ready;                  ///< /readyz: 200 or 503
  std::function<result<std::string>()> status;  ///< one JSON object
};

/// What a request shows of who asks.
struct http_peer {
  std::string common_name;  ///< of a verified certificate; empty: none was shown
  std::string bearer;       ///< of "Authorization: Bearer …"; empty: none
};

struct http_server_options {
  std::string address = "127.0.0.1";  ///< numeric; loopback unless there are keys
  std::uint16_t port = 7404;          ///< 0: any free one
  bool any_port_if_taken = true;      ///< otherwise already_exists
  std::uint32_t threads = 2;
  std::uint32_t connections_waiting_max = 32;  ///< more wait in the kernel's backlog, then are refused there
  std::uint32_t timeout_seconds = 5;       ///< of reading a request, of writing an answer, and between them
  std::uint64_t request_bytes_max = 4096;  ///< of a body
  /// TLS 1.3, with a certificate of their authority from who asks. Null: neither.
  std::shared_ptr<const tls_identity> keys;
  /// Whether /status may be shown; a refusal is answered with 403 and its text. From any of the threads.
  std::function<result<void>(const http_peer&)> may_see_status = [](const http_peer&) {
    return result<void>();
  };
};

/// Serves /metrics, /healthz, /readyz and /status to operators (GET only).
///
/// Owns its threads. Without TLS requests that name another host than this machine in `Host` are refused
/// (403): a web page cannot reach it by rebinding a name to 127.0.0.1.
class http_server {
 public:
  /// Listening when it returns. Errors: permission_denied (an address that is not loopback, without keys),
  /// already_exists, corrupt (keys that cannot be read), io.
  static result<std::unique_ptr<http_server>> start(http_sources sources, const http_server_options& options);
  ~http_server();
  http_server(const http_server&) = delete;
  http_server& operator=(const http_server&) = delete;

  std::uint16_t port() const;
  std::string address() const;  ///< "127.0.0.1:7404"

 private:
  class impl;
  explicit http_server(std::unique_ptr<impl> self);
  std::unique_ptr<impl> impl_;
};

}  // namespace graphite
