#pragma once

#include <memory>
#include <string>

#include "actors/cluster/cluster_control.hpp"
#include "core/ports/clock.hpp"
#include "platform/crypto/ed25519.hpp"
#include "platform/keys/node_keys.hpp"
#include "platform/linux/clock.hpp"

namespace graphite {

/// What a process of a cluster shows and trusts at control connections, from its folder of keys.
class control_keys {
 public:
  /// `wanted`: whose part it has to be. Errors: those of load_node_keys, permission_denied (another role's).
  static result<std::unique_ptr<control_keys>> load(const std::string& folder, role wanted,
                                                    const clock_source& clock);

  /// As long as this lives.
  control_security security();
  const role_key_statement& said() const { return keys_.said; }
  incarnation_id incarnation() const { return self_->incarnation(); }

 private:
  control_keys(node_keys keys, const clock_source& clock) : keys_(std::move(keys)), clock_(clock) {}

  node_keys keys_;
  const clock_source& clock_;
  ed25519_verifier verifier_;
  system_random_source random_;
  std::shared_ptr<const hello_identity> self_;
};

}  // namespace graphite
