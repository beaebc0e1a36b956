#pragma once

#include <array>
#include <compare>
#include <map>
#include <vector>

#include "coordinator/cluster/cluster_types.hpp"
#include "core/error.hpp"

namespace graphite {

/// Kinds of named resources (`gpu`, a licence) a cluster knows at most, and of those one task names at most.
inline constexpr std::size_t named_resources_max = 16, named_needs_max = 4;

/// What a task needs while it runs. Tasks of equal needs are of one *shape*.
struct task_needs {
  struct named {
    std::uint8_t resource = 0;  ///< number of the name, below named_resources_max
    std::uint32_t count = 0;    ///< 0: not asked for
    auto operator<=>(const named&) const = default;
  };
  std::uint32_t cpu_milli = 1'000;
  std::uint64_t memory_bytes = 0;
  requirement_index requirement = 0;  ///< what its node has to be or have (requirement_table); 0: nothing
  std::array<named, named_needs_max> resources{};  ///< ascending by resource; unused ones behind
  pool_index pool = no_cluster_index;  ///< a rule's limit of how many at once, in the whole cluster
  auto operator<=>(const task_needs&) const = default;
};

/// What a domain has, as its node's hello says.
struct domain_capacity {
  std::uint32_t cpu_milli = 0;
  std::uint64_t memory_bytes = 0;
  std::array<std::uint32_t, named_resources_max> resources{};
  std::uint32_t attempts = 0xffffffffu;  ///< at once, those that wait there included
};

/// What is free, or taken, of a domain_capacity.
///
/// Pure. Invariant: nothing is below zero or above what it was made with.
class free_resources {
 public:
  free_resources() = default;
  explicit free_resources(const domain_capacity& all) : now_(all) {}
  bool fits(const task_needs& needs) const;
  /// `needs` fit.
  void take(const task_needs& needs);
  void give_back(const task_needs& needs);
  std::uint32_t cpu_milli() const { return now_.cpu_milli; }
  std::uint64_t memory_bytes() const { return now_.memory_bytes; }

 private:
  domain_capacity now_;
};

/// The shapes there are. Never forgets one.
class shape_table {
 public:
  static constexpr std::size_t shapes_max = 4'096;
  /// The number of these needs, the same for equal ones. Errors: invalid_argument (no CPU, a resource beyond
  /// named_resources_max or not ascending), busy (shapes_max).
  result<shape_index> intern(const task_needs& needs);
  const task_needs& at(shape_index shape) const { return *all_[shape]; }
  std::size_t size() const { return all_.size(); }

 private:
  std::map<task_needs, shape_index> numbers_;
  std::vector<const task_needs*> all_;  ///< keys of `numbers_`
};

}  // namespace graphite
