#pragma once

#include <unordered_map>
#include <vector>

#include "coordinator/cluster/needs.hpp"

namespace graphite {

/// Limits that hold for the whole cluster: how many of a pool at once, and how much CPU a tenant has at once.
///
/// What was sent ahead to a node counts as what runs. Pools are known by a number that outlives processes;
/// inside by a dense one. Pure, O(1). Invariant: nothing is over its limit, but where a limit was lowered, or
/// set when it was known how many run already.
class usage_limits {
 public:
  static constexpr std::size_t pools_max = 4'096;

  /// The pool of this number, unlimited where it is new. Errors: busy (pools_max).
  result<pool_index> intern(std::uint64_t number);
  void set_pool(pool_index pool, std::uint32_t at_once) { pools_[pool].most = at_once; }
  void set_tenant(tenant_index tenant, std::uint64_t cpu_milli) { of(tenant).most = cpu_milli; }

  bool known(pool_index pool) const { return pool == no_cluster_index || pool < pools_.size(); }
  bool allows_pool(const task_needs& needs) const {
    return needs.pool == no_cluster_index || pools_[needs.pool].now < pools_[needs.pool].most;
  }
  bool allows_tenant(tenant_index tenant, const task_needs& needs) const {
    return tenant >= tenants_.size() || tenants_[tenant].now + needs.cpu_milli <= tenants_[tenant].most;
  }
  /// `tenant`: no_cluster_index where it is not known.
  void take(tenant_index tenant, const task_needs& needs);
  void give_back(tenant_index tenant, const task_needs& needs);
  std::uint64_t used_by(tenant_index tenant) const {
    return tenant < tenants_.size() ? tenants_[tenant].now : 0;
  }
  std::uint64_t used_of(pool_index pool) const { return pools_[pool].now; }

 private:
  struct limit {
    std::uint64_t most = ~std::uint64_t{0}, now = 0;
  };
  limit& of(tenant_index tenant) {
    if (tenant >= tenants_.size()) tenants_.resize(tenant + 1);
    return tenants_[tenant];
  }
  std::vector<limit> pools_, tenants_;
  std::unordered_map<std::uint64_t, pool_index> numbers_;
};

}  // namespace graphite
