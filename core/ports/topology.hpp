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
  unsigned number = 0;       ///< the system's; numbers may have gaps
  std::vector<int> cpus{};   ///< logical processors that this process may use, ascending; empty: memory only
  std::vector<int> cores{};  ///< of those one a core, the first: without SMT siblings
  std::uint64_t memory_bytes = 0;
  bool memory_allowed = true;  ///< false: the cpuset forbids memory there
  std::vector<unsigned>
      distances{};  ///< to each node of the list, as ACPI's SLIT has it: 10 is here; empty: unknown
};

/// What of the machine this process may use.
struct machine_topology {
  std::vector<numa_node> nodes{};  ///< ascending by number; at least one has processors
  std::size_t online_cpus = 0;     ///< of the whole machine
  std::size_t packages = 1;
  std::optional<double> cpu_quota{};  ///< processors' worth of time that the cgroup grants; none: unlimited
  bool exclusive = false;             ///< nobody else is scheduled on these processors
  std::string exclusive_reason{};     ///< how that is known, or why not, for people
};

/// Tells the topology as it is now: processors come and go, cpusets are moved. Thread-safe.
class topology_source {
 public:
  virtual ~topology_source() = default;
  /// Errors: unsupported (the system does not tell), io. Up to some milliseconds.
  virtual result<machine_topology> read() const = 0;
};

}  // namespace graphite
