#include "coordinator/cluster/fair_queue.hpp"

#include <algorithm>
#include <utility>

#include "core/error.hpp"

namespace graphite {

void fair_queue::set_weight(tenant_index tenant, std::uint32_t weight) {
  GRAPHITE_INVARIANT(weight > 0 && weight <= weight_max);
  if (tenant >= weights_.size()) weights_.resize(tenant + 1, weight_default);
  weights_[tenant] = weight;
}

fair_queue::tenant_queue& fair_queue::queue_of(level_queue& level, tenant_index tenant) {
  if (tenant >= level.tenants.size()) level.tenants.resize(tenant + 1);
  return level.tenants[tenant];
}

std::uint64_t fair_queue::scaled(tenant_index tenant, std::uint64_t cost_ns) const {
  constexpr std::uint64_t cost_ns_max = std::uint64_t{1} << 52;  // 52 days of one CPU
  const auto weight = tenant < weights_.size() ? weights_[tenant] : weight_default;
  return std::max<std::uint64_t>(std::min(cost_ns, cost_ns_max) * weight_default / weight, 1);
}

void fair_queue::put(std::uint32_t item, const place& where) {
  GRAPHITE_INVARIANT(!contains(item) && where.tenant != no_cluster_index);
  if (item >= items_.size()) {
    items_.resize(item + 1, place{.tenant = no_cluster_index});
    places_.resize(item + 1);
  }
  items_[item] = where;
  auto& level = levels_[index_of(where.level)];
  auto& queue = queue_of(level, where.tenant);
  auto in = std::find_if(queue.lanes.begin(), queue.lanes.end(),
                         [&](const lane& one) { return one.shape == where.shape; });
  if (in == queue.lanes.end()) in = queue.lanes.insert(in, {where.shape, {}});
  in->heap.push({where.rank, where.order, item}, places_);
  if (queue.size++ == 0) begin_waiting(level, where.tenant);
  if (level.size++ == 0) level.passed_over = 0;
  ++size_;
}

/// A tenant that was idle starts at the present: what it did not use is gone.
void fair_queue::begin_waiting(level_queue& level, tenant_index tenant) {
  auto& tag = level.tenants[tenant].tag;
  tag = std::max(tag, level.virtual_now);
  const waiting_tenant made{tag, tenant};
  level.order.insert(std::lower_bound(level.order.begin(), level.order.end(), made), made);
}

void fair_queue::end_waiting(level_queue& level, tenant_index tenant) {
  const waiting_tenant gone{level.tenants[tenant].tag, tenant};
  const auto at = std::lower_bound(level.order.begin(), level.order.end(), gone);
  GRAPHITE_INVARIANT(at != level.order.end() && *at == gone);
  level.order.erase(at);
}

void fair_queue::move_tag(level_queue& level, tenant_index tenant, std::uint64_t tag) {
  auto& queue = level.tenants[tenant];
  if (queue.size > 0) end_waiting(level, tenant);
  queue.tag = tag;
  if (queue.size > 0) begin_waiting(level, tenant);
}

void fair_queue::leave(std::uint32_t item) {
  auto& where = items_[item];
  auto& level = levels_[index_of(where.level)];
  auto& queue = level.tenants[where.tenant];
  const auto in = std::find_if(queue.lanes.begin(), queue.lanes.end(),
                               [&](const lane& one) { return one.shape == where.shape; });
  in->heap.remove(places_[item], places_);
  if (--queue.size == 0) end_waiting(level, where.tenant);
  --level.size;
  --size_;
  where.tenant = no_cluster_index;
}

bool fair_queue::drop(std::uint32_t item) {
  if (!contains(item)) return false;
  leave(item);
  return true;
}

void fair_queue::take(std::uint32_t item, std::uint64_t cost_ns) {
  GRAPHITE_INVARIANT(contains(item));
  const auto where = items_[item];
  leave(item);
  auto& level = levels_[index_of(where.level)];
  const auto tag = level.tenants[where.tenant].tag;
  level.virtual_now = std::max(level.virtual_now, tag);
  move_tag(level, where.tenant, tag + scaled(where.tenant, cost_ns));
  level.passed_over = 0;
  for (auto below = index_of(where.level) + 1; below < levels_.size(); ++below)
    if (levels_[below].size > 0) ++levels_[below].passed_over;
  if (level.virtual_now >> 62 != 0) rebase(level);
}

void fair_queue::correct(task_class level, tenant_index tenant, std::int64_t cost_ns) {
  auto& of = levels_[index_of(level)];
  if (tenant >= of.tenants.size() || cost_ns == 0) return;
  const auto tag = of.tenants[tenant].tag;
  const auto by = scaled(tenant, static_cast<std::uint64_t>(cost_ns < 0 ? -cost_ns : cost_ns));
  move_tag(of, tenant, cost_ns > 0 ? tag + by : tag - std::min(tag, by));
}

/// All classes: first those passed over for long enough, the longest first, then from above.
std::array<std::uint8_t, task_class_count> fair_queue::turns() const {
  std::array<std::uint8_t, task_class_count> out{};
  const auto overdue = [&](std::size_t level) {
    return levels_[level].size > 0 && levels_[level].passed_over >= options_.passed_over_max
               ? levels_[level].passed_over
               : 0;
  };
  bool any = false;
  for (std::size_t level = 0; level < out.size(); ++level) {
    out[level] = static_cast<std::uint8_t>(level);
    any = any || overdue(level) > 0;
  }
  if (any) std::stable_sort(out.begin(), out.end(), [&](auto a, auto b) { return overdue(a) > overdue(b); });
  return out;
}

/// Virtual time begins anew at zero; who is ahead stays so.
void fair_queue::rebase(level_queue& level) {
  const auto base = std::exchange(level.virtual_now, 0);
  for (auto& queue : level.tenants) queue.tag -= std::min(queue.tag, base);
  for (auto& one : level.order) one.tag -= std::min(one.tag, base);
  std::sort(level.order.begin(), level.order.end());
}

}  // namespace graphite
