#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/error.hpp"

namespace graphite {

/// A place of memory and the processors beside it: a NUMA node.
struct numa_node {
  unsigned number = 0;             ///< the system's; numbers may have gaps
  std::vector<int> cpus{};         ///< logical processors that this process may use, ascending
  std::vector<int> cores{};        ///< of those one a core, the first: without SMT siblings
  bool memory_only = false;        ///< has no processors, not even some that are forbidden here
  std::uint64_t memory_bytes = 0;  ///< 0: it has none
  bool memory_allowed = true;      ///< false: the cpuset forbids memory there
  /// Memory only: the node whose processors the system has it beside (ACPI's HMAT, or its place in the
  /// topology); none: the distances tell.
  std::optional<unsigned> beside{};
  /// To each node of the list, as ACPI's SLIT has it: 10 is here; empty: unknown.
  std::vector<unsigned> distances{};
};

/// What of the machine this process may use.
struct machine_topology {
  std::vector<numa_node> nodes{};     ///< all, ascending by number; at least one has processors
  std::size_t online_cpus = 0;        ///< of the whole machine
  int last_cpu = -1;                  ///< of those the largest number, as there may be gaps; -1: unknown
  std::size_t packages = 1;           ///< of the whole machine
  std::optional<double> cpu_quota{};  ///< processors' worth of time that the cgroup grants; none: unlimited
  std::string quota_reason{};         ///< whose quota it is, or why there is none, for people
  bool exclusive = false;             ///< nobody else is scheduled on these processors
  std::string exclusive_reason{};     ///< how that is known, or why not, for people
  bool unbalanced = false;            ///< the system does not move threads among them
};

/// Tells the topology as it is now: processors come and go, cpusets are moved. Thread-safe.
class topology_source {
 public:
  virtual ~topology_source() = default;
  /// Errors: unsupported (the system does not tell), invalid_argument (a described machine that cannot be),
  /// io. Up to some milliseconds.
  virtual result<machine_topology> read() const = 0;
};

}  // namespace graphite
