#pragma once

#include <mutex>

#include "core/ports/clock.hpp"
#include "core/ports/log.hpp"
#include "core/ports/transport.hpp"
#include "relay/access_table.hpp"

namespace graphite {

/// An access_table with a lock and a clock: what the ports with keys ask. Thread-safe.
///
/// The chunk port takes any key, for `welcome`; the heads port those that have a grant now.
class peer_gate final : public peer_admission {
 public:
  /// As access_table's; `clock` and `log` outlive it.
  peer_gate(access_table::options chosen, std::vector<pinned_root> roots, const signature_verifier& verifier,
            const clock_source& clock, log_sink& log)
      : clock_(clock), log_(log), table_(chosen, std::move(roots), verifier) {}

  bool admits(served_port port, const curve_key& peer) override;
  std::string why_not(const curve_key& peer) override;
  bool may_follow(const curve_key& peer, std::string_view channel) override;
  std::uint64_t withdrawals() override;
  void misbehaved(const curve_key& peer, std::string_view how) override;

  /// See access_table.
  result<enrolled> enrol(const curve_key& who, std::span<const byte_vector> tickets);
  result<void> check(const curve_key& who, std::string_view channel);
  result<void> revoke(const signed_statement& list);
  void set_roots(std::vector<pinned_root> roots);
  std::size_t clients() const;

 private:
  const clock_source& clock_;
  log_sink& log_;
  mutable std::mutex mutex_;
  access_table table_;
};

}  // namespace graphite
