#pragma once

#include <string>
#include <vector>

#include "core/ports/topology.hpp"

namespace graphite {

/// Whether threads are bound to the processors of their domain.
enum class pin_mode {
  automatic,  ///< only where nobody else is scheduled on these processors
  always,
  never
};

/// "auto", "on", "off". Errors: invalid_argument.
result<pin_mode> parse_pin_mode(std::string_view text);
std::string_view to_string(pin_mode mode);

/// The processors of one NUMA node, with the memory nearest to them.
struct domain_plan {
  unsigned node = 0;
  std::vector<int> cpus{};         ///< all of the node that may be used
  std::size_t threads = 1;         ///< how many the domain's pool has
  std::vector<unsigned> memory{};  ///< nodes for its memory, nearest first: its own, then memory-only ones
};

struct affinity_plan {
  std::vector<domain_plan> domains{};  ///< ascending by node; at least one
  bool pinned = false;                 ///< bind each domain's threads to its `cpus`
  std::string reason{};                ///< why pinned, or why not, for people
};

/// One domain for each node with processors. `threads` in all (0: one a processor, no more than the quota is
/// worth, at least one) are shared out by the domains' processors, at least one each. A memory-only node
/// belongs to the nearest domain. A machine without NUMA has one domain. Pure.
affinity_plan plan_affinity(const machine_topology& machine, pin_mode mode, std::size_t threads = 0);

}  // namespace graphite
