#include "cli/peer_gate.hpp"

#include "core/messages/zap.hpp"

namespace graphite {

bool peer_gate::admits(served_port port, const curve_key& peer) {
  if (port == served_port::chunks) return true;
  const std::lock_guard lock(mutex_);
  return table_.has_grant(peer, clock_.unix_ns());
}

std::string peer_gate::why_not(const curve_key& peer) {
  const std::lock_guard lock(mutex_);
  return table_.why_not(peer);
}

bool peer_gate::may_follow(const curve_key& peer, std::string_view channel) {
  return check(peer, channel).has_value();
}

std::uint64_t peer_gate::withdrawals() {
  const std::lock_guard lock(mutex_);
  table_.expire(clock_.unix_ns());
  return table_.withdrawals();
}

void peer_gate::misbehaved(const curve_key& peer, std::string_view how) {
  log_.error("client {} is shut out: {}; revoke its key where that was no mistake", user_id_of(peer), how);
  const std::lock_guard lock(mutex_);
  table_.ban(peer);
}

result<enrolled> peer_gate::enrol(const curve_key& who, std::span<const byte_vector> tickets) {
  const std::lock_guard lock(mutex_);
  return table_.enrol(who, tickets, clock_.unix_ns());
}

result<void> peer_gate::check(const curve_key& who, std::string_view channel) {
  const std::lock_guard lock(mutex_);
  return table_.check(who, channel, clock_.unix_ns());
}

result<void> peer_gate::revoke(const signed_statement& list) {
  const std::lock_guard lock(mutex_);
  return table_.revoke(list, clock_.unix_ns());
}

void peer_gate::set_roots(std::vector<pinned_root> roots) {
  const std::lock_guard lock(mutex_);
  table_.set_roots(std::move(roots), clock_.unix_ns());
}

std::size_t peer_gate::clients() const {
  const std::lock_guard lock(mutex_);
  return table_.clients();
}

}  // namespace graphite
