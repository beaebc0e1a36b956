#include "coordinator/cluster/usage_limits.hpp"

namespace graphite {

result<pool_index> usage_limits::intern(std::uint64_t number) {
  if (const auto known = numbers_.find(number); known != numbers_.end()) return known->second;
  if (pools_.size() >= pools_max)
    return fail(errc::busy, "there are " + std::to_string(pools_max) + " pools");
  const auto made = static_cast<pool_index>(pools_.size());
  pools_.push_back({});
  numbers_.emplace(number, made);
  return made;
}

void usage_limits::take(tenant_index tenant, const task_needs& needs) {
  if (tenant != no_cluster_index) of(tenant).now += needs.cpu_milli;
  if (needs.pool != no_cluster_index) ++pools_[needs.pool].now;
}

void usage_limits::give_back(tenant_index tenant, const task_needs& needs) {
  if (tenant != no_cluster_index) {
    auto& used = of(tenant).now;
    GRAPHITE_INVARIANT(used >= needs.cpu_milli);
    used -= needs.cpu_milli;
  }
  if (needs.pool == no_cluster_index) return;
  GRAPHITE_INVARIANT(pools_[needs.pool].now > 0);
  --pools_[needs.pool].now;
}

}  // namespace graphite
