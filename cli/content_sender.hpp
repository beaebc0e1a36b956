#pragma once

#include <memory>
#include <vector>

#include "cli/snapshot_contents.hpp"
#include "cli/store_traffic.hpp"
#include "core/messages/jobs.hpp"
#include "platform/crypto/ed25519.hpp"
#include "platform/linux/clock.hpp"
#include "platform/zmq/context.hpp"

namespace graphite {

/// Brings contents of a snapshot to the stores that a coordinator names, with the ticket that it gives. One
/// thread, which waits here.
class content_sender {
 public:
  struct ports {
    snapshot_contents& contents;  ///< that and what follows outlives it
    const hasher& hash;
    const clock_source& clock;
    log_sink& log;
  };
  /// Errors: io.
  static result<std::unique_ptr<content_sender>> make(const ports& with);

  /// With which it meets the stores: for job_session::missing.
  const curve_key& key() const { return own_->key; }
  /// Waits until each is durable in as many stores as it has to be. Errors: those of store_traffic::bring;
  /// busy (a file is not what it was when the snapshot was made).
  result<void> send(const missing_answer& by, const std::vector<content_ref>& contents);

 private:
  content_sender(const ports& with, curve_pair_ptr own, std::shared_ptr<zmq_context> context);
  result<void> connect(const missing_answer& by);
  bool is_connected_for(const missing_answer& by) const;

  const ports with_;
  const curve_pair_ptr own_;
  const std::shared_ptr<zmq_context> context_;
  const incarnation_id self_;
  ed25519_verifier verifier_;
  system_random_source random_;  ///< the traffic's
  bool keyed_ = false;
  std::int64_t renew_at_unix_ns_ = 0;  ///< with a fresh ticket
  std::unique_ptr<store_traffic> traffic_;
};

}  // namespace graphite
