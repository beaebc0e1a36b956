#pragma once

#include <memory>
#include <string>

#include "cli/session_keys.hpp"
#include "gateway/http_server.hpp"
#include "gateway/local_service.hpp"
#include "platform/crypto/ed25519.hpp"

namespace graphite {

/// Which ports of a service are open beyond its socket, and to whom.
struct service_access_options {
  std::string certificates_at, tokens_at;  ///< "ADDRESS:PORT"; empty: none
  std::string operators_at;                ///< the same; empty: plain HTTP on loopback, at `metrics_port`
  std::uint16_t metrics_port = 7404;
  bool any_metrics_port_if_taken = true;
  std::string tenant = "main";
};

/// Brings a session's keys to the ports that ask for them, now and after each change.
///
/// Outlives the ports that were given its options; the session outlives it. One thread.
class service_access {
 public:
  /// `keys` null: there are none.
  service_access(service_access_options options, session_keys* keys, log_sink& log);
  ~service_access();
  service_access(const service_access&) = delete;
  service_access& operator=(const service_access&) = delete;

  network_options network() const;
  /// Errors: invalid_argument (no address).
  result<http_server_options> operators(const local_service& clients) const;
  /// Changes of the keys reach it from now on, until stop_following().
  void follow(local_service& clients, http_server& operators);
  void stop_following();

 private:
  bool operators_show_certificates() const { return keys_ != nullptr && !options_.operators_at.empty(); }
  /// Of who showed a certificate.
  result<access_grant> operator_of(const http_peer& who) const;
  result<void> may_see_status(const http_peer& who, const local_service& clients) const;

  service_access_options options_;
  session_keys* keys_;
  log_sink& log_;
  ed25519_verifier verifier_;
  access_policy policy_;
  std::shared_ptr<live_revocations> revocations_ = std::make_shared<live_revocations>();
};

}  // namespace graphite
