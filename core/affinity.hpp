#pragma once

#include <cstddef>
#include <string>
#include <string_view>
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
  std::vector<int> cpus{};  ///< all of the node that may be used
  std::size_t threads = 1;  ///< how many the domain's pool has
  /// Nodes for its memory: its own, then memory-only ones, nearest first. Where none of those may be used,
  /// the nearest that may. Empty: the system's choice.
  std::vector<unsigned> memory{};
};

struct affinity_plan {
  std::vector<domain_plan> domains{};  ///< ascending by node; at least one
  bool pinned = false;                 ///< bind each domain's threads to its `cpus`
  bool one_each = false;  ///< each to one of them: the system does not move threads there by itself
  std::string reason{};   ///< why pinned, or why not, for people
};

/// One domain for each node with processors. `threads` in all (0: one a processor, no more than the whole
/// processors that the quota is worth, at least one) are shared out by the domains' processors: one each, the
/// rest by largest remainder, ties to the lower node. So there are never fewer threads than domains. A
/// memory-only node belongs to the nearest domain (ties: the lowest number). Without NUMA there is one
/// domain. Pure.
affinity_plan plan_affinity(const machine_topology& machine, pin_mode mode, std::size_t threads = 0);

}  // namespace graphite
