#pragma once

#include <memory>
#include <string>

#include "cli/http_server.hpp"
#include "cli/session_keys.hpp"
#include "gateway/local_service.hpp"
#include "platform/crypto/ed25519.hpp"

namespace graphite {

/// Which ports of a service are open to whom.
struct service_access_options {
  std::string certificates_at, tokens_at;  ///< "ADDRESS:PORT"; empty: none
  std::string tenant = "main";
};

/// Brings a session's keys to the ports that ask for them, now and after each change: certificates, roots and
/// what is revoked.
///
/// Outlives the ports that were given its options; follow() ends with the object, before the ports do.
class service_access {
 public:
  /// `keys` null: there are none. It outlives the object.
  service_access(service_access_options options, session_keys* keys, log_sink& log);
  ~service_access();
  service_access(const service_access&) = delete;
  service_access& operator=(const service_access&) = delete;

  network_options network() const;
  /// Null without keys.
  std::shared_ptr<const tls_identity> operators() const;
  std::shared_ptr<const live_revocations> revocations() const { return revocations_; }
  /// Changes of the keys reach these from now on.
  void follow(local_service& clients, http_server& operators);
  void stop_following();

 private:
  service_access_options options_;
  session_keys* keys_;
  log_sink& log_;
  openssl_verifier verifier_;
  std::shared_ptr<live_revocations> revocations_ = std::make_shared<live_revocations>();
};

}  // namespace graphite
