#pragma once

#include <memory>

#include "cli/store_traffic.hpp"
#include "core/messages/jobs.hpp"
#include "platform/crypto/ed25519.hpp"
#include "platform/linux/clock.hpp"
#include "platform/zmq/context.hpp"

namespace graphite {

/// A client's way to the stores that a coordinator names, with the tickets that it gives. One thread.
class store_visit {
 public:
  struct ports {
    chunk_store& contents;  ///< from which is brought, to which is fetched; that and what follows outlives it
    const hasher& hash;
    const clock_source& clock;
    log_sink& log;
  };
  /// Errors: io.
  static result<std::unique_ptr<store_visit>> make(const ports& with);

  /// With which it meets the stores: for job_session::missing.
  const curve_key& key() const { return own_->key; }
  /// Valid until the next call. Errors: unavailable (no store is alive), io.
  result<store_traffic*> at(const missing_answer& by);

 private:
  store_visit(const ports& with, curve_pair_ptr own, std::shared_ptr<zmq_context> context);
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
