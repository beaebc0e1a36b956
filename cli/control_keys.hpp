#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "actors/cluster/cluster_control.hpp"
#include "cli/store_port.hpp"
#include "cli/store_traffic.hpp"
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
  /// How a process with this CURVE key enrols at stores; as long as this lives.
  store_traffic::enrolling enrolling(const curve_key& own);
  /// What a store's port with this CURVE key works with; as long as this and the log live.
  store_port_security store_security(const curve_key& own, log_sink& log);
  /// A coordinator's word for a client's key at the stores, until then. Any thread. Errors: invalid_argument
  /// (no name of a tenant), io.
  result<byte_vector> store_ticket(const std::string& tenant, const curve_key& client,
                                   std::int64_t until_unix_ns) const;
  /// Roots that count, and what is revoked: looked at once a second. A list that cannot be read, or that is
  /// older than the one in force, changes nothing. Any thread.
  role_trust trust();
  /// The list behind it, as signed; empty: nothing is revoked. Any thread.
  byte_vector revocations();
  /// One that the coordinator says is in force from now on, and in the folder, where a root has signed it and
  /// it is newer than the one before. Its number; zero: it was not newer. Errors: permission_denied, corrupt;
  /// those of writing it (in force it is all the same). Any thread.
  result<std::uint64_t> take_revocations(byte_span list);
  const role_key_statement& said() const { return keys_.said; }
  incarnation_id incarnation() const { return self_->incarnation(); }

 private:
  control_keys(std::string folder, node_keys keys, const clock_source& clock)
      : folder_(std::move(folder)), keys_(std::move(keys)), clock_(clock) {}
  void look_locked();

  const std::string folder_;
  node_keys keys_;
  const clock_source& clock_;
  std::mutex mutex_;  ///< of the revocations
  std::int64_t looked_unix_ns_ = 0;
  ed25519_verifier verifier_;
  system_random_source random_, traffic_random_, port_random_;  // one thread each
  std::shared_ptr<const hello_identity> self_;
};

}  // namespace graphite
