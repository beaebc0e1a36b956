#pragma once

#include <array>
#include <optional>
#include <vector>

#include "coordinator/cluster/cluster_types.hpp"
#include "coordinator/cluster/rank_heap.hpp"

namespace graphite {

struct fair_queue_options {
  /// A class that was passed over for so many starts of higher ones goes first for one.
  std::uint32_t passed_over_max = 32;
};

/// What waits for a domain, and which of it goes next.
///
/// - *Classes* strictly by task_class, with ageing counted in starts: a class of which something fits gets at
///   least one of each `passed_over_max` + task_class_count starts, whatever comes above it.
/// - *Tenants* of a class share by weight: start-time fair queueing (Goyal, Vin, Cheng, "Start-time Fair
///   Queueing", SIGCOMM 1996). Virtual time is CPU time at weight_default. A tenant that waits is at most one
///   task's cost a tenant behind its share; one that was idle has saved nothing up.
/// - Of a tenant's, the one with the smallest rank, `wanted since` less its critical path: longest chain
/// first
///   among what is wanted since the same moment, and nothing is overtaken by what was wanted later than it by
///   more than that one's chain. So within a tenant nothing waits longer than for what was wanted until the
///   longest chain after it.
/// - Equal ranks: by order of arrival.
///
/// Items of one class, tenant and shape lie in one *lane*: whoever takes can leave out whole shapes that fit
/// nowhere now, or tenants. Pure. put, drop and take are O(log items + tenants of the class that wait).
class fair_queue {
 public:
  static constexpr std::uint32_t weight_default = 128, weight_max = 1u << 16;

  struct place {
    task_class level = task_class::job;
    tenant_index tenant = 0;
    shape_index shape = 0;
    std::int64_t rank = 0;
    std::uint64_t order = 0;  ///< no two share it
  };

  explicit fair_queue(fair_queue_options options = {}) : options_(options) {}

  /// From now on; 1 … weight_max. Tenants are known from 0 on, each with weight_default.
  void set_weight(tenant_index tenant, std::uint32_t weight);

  /// `item` is not in it.
  void put(std::uint32_t item, const place& where);
  /// False where it is not in it.
  bool drop(std::uint32_t item);
  bool contains(std::uint32_t item) const {
    return item < items_.size() && items_[item].tenant != no_cluster_index;
  }
  const place& place_of(std::uint32_t item) const { return items_[item]; }

  /// The item that goes next of those whose class, tenant and shape are not `blocked`; nothing where there is
  /// none.
  template <class Blocked>
  std::optional<std::uint32_t> next(const Blocked& blocked) const;
  /// `item` starts and is expected to cost `cost_ns` of CPU time: it leaves.
  void take(std::uint32_t item, std::uint64_t cost_ns);
  /// What was taken of the tenant cost this much more (less) than expected.
  void correct(task_class level, tenant_index tenant, std::int64_t cost_ns);

  std::size_t size() const { return size_; }
  std::size_t size(task_class level) const { return levels_[index_of(level)].size; }

 private:
  struct lane {
    shape_index shape = 0;
    rank_heap heap;
  };
  struct tenant_queue {
    std::uint64_t tag = 0;  ///< where its next start would be in virtual time
    std::size_t size = 0;
    std::vector<lane> lanes;  ///< those that are empty stay
  };
  struct waiting_tenant {
    std::uint64_t tag;
    tenant_index tenant;
    auto operator<=>(const waiting_tenant&) const = default;
  };
  struct level_queue {
    std::vector<tenant_queue> tenants;
    std::vector<waiting_tenant> order;  ///< ascending; those with something in a lane
    std::uint64_t virtual_now = 0;
    std::size_t size = 0;
    std::uint32_t passed_over = 0;
  };
  static std::size_t index_of(task_class level) { return static_cast<std::size_t>(level); }
  template <class Blocked>
  std::optional<std::uint32_t> next_of(std::size_t level, const Blocked& blocked) const;
  tenant_queue& queue_of(level_queue& level, tenant_index tenant);
  std::array<std::uint8_t, task_class_count> turns() const;
  std::uint64_t scaled(tenant_index tenant, std::uint64_t cost_ns) const;
  void move_tag(level_queue& level, tenant_index tenant, std::uint64_t tag);
  void begin_waiting(level_queue& level, tenant_index tenant);
  void end_waiting(level_queue& level, tenant_index tenant);
  void leave(std::uint32_t item);
  static void rebase(level_queue& level);

  fair_queue_options options_;
  std::array<level_queue, task_class_count> levels_;
  std::vector<std::uint32_t> weights_;
  std::vector<place> items_;  ///< by item; no tenant: not in it
  rank_heap::place_table places_;
  std::size_t size_ = 0;
};

template <class Blocked>
std::optional<std::uint32_t> fair_queue::next(const Blocked& blocked) const {
  for (const auto level : turns()) {
    if (levels_[level].size == 0) continue;
    if (const auto found = next_of(level, blocked)) return found;
  }
  return std::nullopt;
}

template <class Blocked>
std::optional<std::uint32_t> fair_queue::next_of(std::size_t level, const Blocked& blocked) const {
  const auto& of = levels_[level];
  for (const auto& waiting : of.order) {
    const ranked_item* found = nullptr;
    for (const auto& one : of.tenants[waiting.tenant].lanes) {
      if (one.heap.empty() || (found != nullptr && !(one.heap.best() < *found))) continue;
      if (!blocked(static_cast<task_class>(level), waiting.tenant, one.shape)) found = &one.heap.best();
    }
    if (found != nullptr) return found->item;
  }
  return std::nullopt;
}

}  // namespace graphite
