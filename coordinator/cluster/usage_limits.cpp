#include "coordinator/cluster/usage_limits.hpp"

namespace graphite {

result<pool_index> usage_limits::add_pool(std::uint32_t at_once) {
  if (at_once == 0) return fail(errc::invalid_argument, "a pool of nothing at once");
  if (pools_.size() >= pools_max)
    return fail(errc::busy, "there are " + std::to_string(pools_max) + " pools");
  pools_.push_back({at_once, 0});
  return static_cast<pool_index>(pools_.size() - 1);
}

void usage_limits::take(tenant_index tenant, const task_needs& needs) {
  of(tenant).now += needs.cpu_milli;
  if (needs.pool != no_cluster_index) ++pools_[needs.pool].now;
}

void usage_limits::give_back(tenant_index tenant, const task_needs& needs) {
  auto& used = of(tenant).now;
  GRAPHITE_INVARIANT(used >= needs.cpu_milli);
  used -= needs.cpu_milli;
  if (needs.pool == no_cluster_index) return;
  GRAPHITE_INVARIANT(pools_[needs.pool].now > 0);
  --pools_[needs.pool].now;
}

}  // namespace graphite
