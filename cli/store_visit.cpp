#include "cli/store_visit.hpp"

#include <algorithm>
#include <utility>

#include "platform/crypto/curve_keys.hpp"
#include "platform/zmq/store_link.hpp"

namespace graphite {

namespace {

incarnation_id new_incarnation() {
  system_random_source random;
  return incarnation_id{make_uuid(random)};
}

/// As the coordinator says it to nodes.
control::settings settings_of(const missing_answer& by) {
  control::settings out;
  out.copies = by.copies;
  for (const auto& one : by.stores) out.stores.push_back({one.address, one.key});
  return out;
}

}  // namespace

store_visit::store_visit(const ports& with, curve_pair_ptr own, std::shared_ptr<zmq_context> context)
    : with_(with), own_(std::move(own)), context_(std::move(context)), self_(new_incarnation()) {}

result<std::unique_ptr<store_visit>> store_visit::make(const ports& with) {
  GRAPHITE_TRY(auto pair, make_curve_pair());
  GRAPHITE_TRY(auto context, zmq_context::make({1, 256, 64}));
  return std::unique_ptr<store_visit>(
      new store_visit(with, std::make_shared<const curve_pair>(std::move(pair)), std::move(context)));
}

bool store_visit::is_connected_for(const missing_answer& by) const {
  return traffic_ != nullptr && keyed_ == !by.ticket.empty() &&
         (!keyed_ || with_.clock.unix_ns() < renew_at_unix_ns_);
}

/// A grant of a store ends with the ticket it was given for: a fresh one is shown in time, by new
/// connections.
result<void> store_visit::connect(const missing_answer& by) {
  traffic_.reset();
  keyed_ = !by.ticket.empty();
  const auto now = with_.clock.unix_ns();
  renew_at_unix_ns_ = now + std::max<std::int64_t>(by.until_unix_ns - now, 0) / 2;
  zmq_store_link_options how;
  if (keyed_) how.own = own_;
  GRAPHITE_TRY(auto link, make_zmq_store_link(context_, how));
  std::optional<store_traffic::enrolling> keys;
  if (keyed_) {
    keys.emplace();
    keys->shown = {own_->key, std::nullopt, by.ticket};
    keys->verifier = &verifier_;
    keys->random = &random_;
    keys->trust = [] { return role_trust(); };  // of no use to who shows a ticket
  }
  traffic_ = std::make_unique<store_traffic>(
      store_traffic::ports{std::move(link), with_.contents, with_.hash, with_.clock, with_.log}, self_,
      store_client::options{}, std::move(keys));
  return {};
}

result<store_traffic*> store_visit::at(const missing_answer& by) {
  if (by.stores.empty()) return fail(errc::unavailable, "no store of the cluster is alive");
  if (!is_connected_for(by)) GRAPHITE_CHECK(connect(by));
  traffic_->set_stores(settings_of(by));
  return traffic_.get();
}

}  // namespace graphite
