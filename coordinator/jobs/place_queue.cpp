#include "coordinator/jobs/place_queue.hpp"

#include <algorithm>

#include "core/error.hpp"

namespace graphite {

void place_queue::put(job_id job, const std::string& tenant, job_priority priority) {
  const auto at = static_cast<std::size_t>(priority);
  GRAPHITE_INVARIANT(where_.emplace(job, place{tenant, at}).second);
  levels_.at(at).waiting[tenant].insert(job);
}

bool place_queue::drop(job_id job) {
  const auto found = where_.find(job);
  if (found == where_.end()) return false;
  auto& waiting = levels_[found->second.priority].waiting;
  const auto of = waiting.find(found->second.tenant);
  of->second.erase(job);
  if (of->second.empty()) waiting.erase(of);
  where_.erase(found);
  return true;
}

/// The lowest of those that were passed over too often, else the highest.
std::optional<std::size_t> place_queue::next_level() const {
  for (auto at = priorities; at-- > 0;)
    if (!levels_[at].waiting.empty() && levels_[at].passed_over >= passed_over_max) return at;
  for (std::size_t at = 0; at < priorities; ++at)
    if (!levels_[at].waiting.empty()) return at;
  return std::nullopt;
}

std::optional<job_id> place_queue::take() {
  const auto at = next_level();
  if (!at) return std::nullopt;
  const auto taken = [this](const std::string& tenant) {
    const auto found = places_.find(tenant);
    return found == places_.end() ? std::uint64_t{0} : found->second;
  };
  const auto& waiting = levels_[*at].waiting;
  const auto best = std::ranges::min_element(
      waiting, {}, [&](const auto& one) { return std::pair(taken(one.first), *one.second.begin()); });
  const auto job = *best->second.begin();
  ++places_[best->first];
  for (std::size_t other = 0; other < priorities; ++other) {
    auto& level = levels_[other];
    level.passed_over = other == *at || level.waiting.empty() ? 0 : level.passed_over + 1;
  }
  drop(job);
  return job;
}

void place_queue::leave(const std::string& tenant) {
  const auto found = places_.find(tenant);
  GRAPHITE_INVARIANT(found != places_.end());
  if (--found->second == 0) places_.erase(found);
}

}  // namespace graphite
