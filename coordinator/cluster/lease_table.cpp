#include "coordinator/cluster/lease_table.hpp"

#include <algorithm>
#include <utility>

#include "core/planted_bug.hpp"

namespace graphite {

namespace {

/// A session carries its node, so that messages need no search.
node_session session_of(std::uint32_t serial, node_index node) {
  return node_session{static_cast<std::uint64_t>(serial) << 32 | node};
}

}  // namespace

std::optional<node_index> lease_table::find(std::string_view name) const {
  const auto known = numbers_.find(std::string(name));
  if (known == numbers_.end()) return std::nullopt;
  return known->second;
}

result<node_index> lease_table::number_of(std::string_view name) {
  if (const auto known = find(name)) return *known;
  auto at = static_cast<node_index>(nodes_.size());
  if (nodes_.size() < options_.nodes_max) {
    nodes_.emplace_back();
  } else {
    const auto away =
        std::find_if(nodes_.begin(), nodes_.end(), [&](const auto& one) { return !in_use(one); });
    if (away == nodes_.end())
      return fail(errc::busy, "there are " + std::to_string(options_.nodes_max) + " nodes already");
    at = away->node;
    numbers_.erase(away->name);
  }
  nodes_[at] = {.name = std::string(name), .node = at};
  numbers_.emplace(nodes_[at].name, at);
  return at;
}

result<lease_table::greeting> lease_table::hello(std::string_view name, const incarnation_id& incarnation,
                                                 epoch_number last_seen, time_point now) {
  if (last_seen > epoch_) deposed_ = true;
  if (deposed_)
    return fail(errc::stale_epoch,
                "a later coordinator than that of epoch " + std::to_string(epoch_.value) + " has been seen");
  GRAPHITE_TRY(const auto at, number_of(name));
  auto& node = nodes_[at];
  greeting out{at, {}, node.session, node.incarnation == incarnation};
  node.session = out.session = session_of(++sessions_, at);
  node.incarnation = incarnation;
  node.heard = now;
  return out;
}

std::optional<node_index> lease_table::node_of(node_session session) const {
  const auto at = static_cast<node_index>(session.value);
  if (session == node_session{} || at >= nodes_.size() || nodes_[at].session != session) return std::nullopt;
  return at;
}

result<node_index> lease_table::heard(node_session session, epoch_number epoch, time_point now) {
  if (epoch > epoch_) deposed_ = true;
  if (deposed_ || epoch != epoch_)
    return fail(errc::stale_epoch, "epoch " + std::to_string(epoch.value) + " is not " +
                                       std::to_string(epoch_.value) + ", which reigns here");
  const auto node = node_of(session);
  if (!node) return fail(errc::not_found, "the lease has ended: say hello");
  nodes_[*node].heard = std::max(nodes_[*node].heard, now);
  return *node;
}

bool lease_table::end(node_session session) {
  const auto node = node_of(session);
  if (node) nodes_[*node].session = {};
  return node.has_value();
}

std::vector<lease_table::lost_node> lease_table::expire(time_point now) {
  std::vector<lost_node> out;
  for (auto& node : nodes_) {
    if (planted(planted_bug::lease_never_over)) node.heard = now;
    if (node.session != node_session{} && now - node.heard >= options_.ttl)
      out.push_back({node.node, std::exchange(node.session, {})});
  }
  return out;
}

std::optional<time_point> lease_table::next_expiry() const {
  std::optional<time_point> out;
  for (const auto& node : nodes_)
    if (node.session != node_session{})
      out = out ? std::min(*out, node.heard + options_.ttl) : node.heard + options_.ttl;
  return out;
}

result<node_index> lease_table::set_service(std::string_view name, service how) {
  GRAPHITE_TRY(const auto at, number_of(name));
  nodes_[at].how = how;
  return at;
}

std::vector<lease_table::known_node> lease_table::list() const {
  std::vector<known_node> out;
  for (const auto& one : nodes_)
    if (in_use(one)) out.push_back(one);
  return out;
}

}  // namespace graphite
