#include "coordinator/ready_queue.hpp"

#include <algorithm>

namespace graphite {

void ready_queue::put(action_index action, rank where) {
  key made{!where.interactive, ~where.critical_ns, std::move(where.name), action};
  const bool fresh = keys_.emplace(action, made).second;
  GRAPHITE_INVARIANT(fresh);
  order_.insert(std::move(made));
}

bool ready_queue::drop(action_index action) {
  const auto found = keys_.find(action);
  if (found == keys_.end()) return false;
  order_.erase(found->second);
  keys_.erase(found);
  return true;
}

action_index ready_queue::take() {
  GRAPHITE_INVARIANT(!order_.empty());
  const auto best = std::get<action_index>(*order_.begin());
  drop(best);
  return best;
}

std::vector<action_index> ready_queue::in_order() const {
  std::vector<action_index> out;
  for (const auto& one : order_) out.push_back(std::get<action_index>(one));
  return out;
}

std::vector<action_index> ready_queue::in_order(const std::set<action_index>& among) const {
  std::set<key> found;
  for (const auto action : among)
    if (const auto one = keys_.find(action); one != keys_.end()) found.insert(one->second);
  std::vector<action_index> out;
  for (const auto& one : found) out.push_back(std::get<action_index>(one));
  return out;
}

void backoff_table::refused(action_index action, time_point now) {
  auto& delay = delays_[action];
  delay = delay == duration{} ? first_ : std::min(delay * 2, most_);
  waiting_[action] = now + delay;
}

bool backoff_table::has_waited_longer(action_index action, duration patience) const {
  const auto delay = delays_.find(action);
  return delay != delays_.end() && delay->second > patience;
}

std::size_t backoff_table::waiting_longer(duration patience) const {
  return static_cast<std::size_t>(std::count_if(waiting_.begin(), waiting_.end(), [&](const auto& one) {
    return has_waited_longer(one.first, patience);
  }));
}

std::vector<action_index> backoff_table::take_due(time_point now) {
  std::vector<action_index> out;
  for (const auto& [action, until] : waiting_)
    if (until <= now) out.push_back(action);
  for (const auto action : out) waiting_.erase(action);
  return out;
}

std::optional<time_point> backoff_table::next() const {
  std::optional<time_point> out;
  for (const auto& [action, until] : waiting_) out = out ? std::min(*out, until) : until;
  return out;
}

}  // namespace graphite
