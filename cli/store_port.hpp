#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/limited_log.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/random.hpp"
#include "core/ports/store_transport.hpp"
#include "relay/request_limits.hpp"
#include "relay/store_access.hpp"
#include "relay/store_service.hpp"

namespace graphite {

/// What a store's port with keys works with.
struct store_port_security {
  store_access access;
  random_source* random = nullptr;  ///< outlives the port, and so does `log`
  log_sink* log = nullptr;          ///< gets who enrolled and who was refused what
  request_limits::options limits = {};
  event_rate lines{2, 20};  ///< of the log; the others are counted
};

/// A store's port, bytes in, bytes out: decodes, lets the service answer, and syncs the store for those that
/// wait. Thread-safe.
///
/// With keys: who has no grant can only enrol, and each request is checked against the grant of its sender.
/// It is then the context's admission, too, which lets every key talk to the chunk port.
class store_port final : public store_handler, public peer_admission {
 public:
  /// `store`, `hash` and `clock` outlive it. Nobody else writes to `store`, and what it has is durable.
  /// Without `security`: a port without keys. Without `keeping`: nothing is counted, and nothing goes.
  store_port(chunk_store& store, const hasher& hash, const clock_source& clock,
             store_uploads::options uploads = {}, std::optional<store_port_security> security = std::nullopt,
             const std::optional<store_ledger::options>& keeping = std::nullopt);

  std::optional<frames> handle(ticket request, const std::optional<curve_key>& peer,
                               std::span<const byte_span> message) override;
  std::vector<std::pair<ticket, frames>> flush() override;
  /// Does something between two requests; only with `keeping`. Must not block for long.
  void keep(const std::function<void(store_service&, store_ledger&)>& what);
  /// What counts from now on; only with keys.
  void set_trust(role_trust trust);

  bool admits(served_port port, const curve_key& peer) override;
  std::string why_not(const curve_key& peer) override;
  bool may_follow(const curve_key&, std::string_view) override { return false; }
  std::uint64_t withdrawals() override { return 0; }
  void misbehaved(const curve_key& peer, std::string_view how) override;

 private:
  std::optional<stores::reply> answer(ticket request, const std::optional<curve_key>& peer,
                                      std::span<const byte_span> message);
  result<void> check_size(const curve_key& peer, bool granted, std::span<const byte_span> message);
  stores::reply enrol(const curve_key& peer, const stores::enrol_request& request);
  void log(log_level level, std::string_view text) { logged_.write(level, text, clock_.now()); }

  chunk_store& store_;
  const clock_source& clock_;
  std::mutex mutex_;  ///< of all that follows; not held while the store syncs
  std::optional<store_ledger> ledger_;
  store_service service_;
  std::optional<store_port_security> security_;
  request_limits limits_;
  limited_log logged_;
  time_point lapsed_{};
};

}  // namespace graphite
