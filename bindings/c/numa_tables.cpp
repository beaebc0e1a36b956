#include "bindings/c/numa_tables.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace graphite::c_api {

namespace {

/// What a graphite_numa_topology points into.
struct owned_tables {
  std::vector<uint32_t> cpu_to_node, distance;
  std::vector<size_t> memory;
  std::string reason;
};

/// One more than the largest number of a processor, whether it may be used or not.
std::size_t cpu_numbers(const machine_topology& machine) {
  int last = machine.last_cpu;
  for (const auto& node : machine.nodes)
    if (!node.cpus.empty()) last = std::max(last, node.cpus.back());
  return static_cast<std::size_t>(last + 1);
}

std::unique_ptr<owned_tables> tables_of(const machine_topology& machine) {
  auto out = std::make_unique<owned_tables>();
  const auto nodes = std::size_t{machine.nodes.back().number} + 1;
  out->cpu_to_node.assign(cpu_numbers(machine), GRAPHITE_NO_NODE);
  out->memory.assign(nodes, 0);
  out->distance.assign(nodes * nodes, 0);
  out->reason = machine.exclusive_reason;
  for (const auto& node : machine.nodes) {
    for (const int cpu : node.cpus) out->cpu_to_node[static_cast<std::size_t>(cpu)] = node.number;
    if (node.memory_allowed) out->memory[node.number] = node.memory_bytes;
    for (std::size_t i = 0; i < node.distances.size() && i < machine.nodes.size(); ++i)
      out->distance[node.number * nodes + machine.nodes[i].number] = node.distances[i];
  }
  return out;
}

}  // namespace

void fill_numa_topology(graphite_numa_topology& out, const machine_topology& machine) {
  auto owned = tables_of(machine);
  out.node_count = static_cast<uint32_t>(owned->memory.size());
  out.cpu_count = static_cast<uint32_t>(owned->cpu_to_node.size());
  out.cpu_to_node = owned->cpu_to_node.data();
  out.node_memory = owned->memory.data();
  out.node_distance = owned->distance.data();
  out.usable_cpus =
      static_cast<uint32_t>(std::count_if(owned->cpu_to_node.begin(), owned->cpu_to_node.end(),
                                          [](uint32_t node) { return node != GRAPHITE_NO_NODE; }));
  out.package_count = static_cast<uint32_t>(machine.packages);
  out.cpu_quota = machine.cpu_quota.value_or(0);
  out.exclusive = machine.exclusive;
  out.reason = owned->reason.c_str();
  out.owner_ = owned.release();
}

void clear_numa_topology(graphite_numa_topology& topology) {
  delete static_cast<owned_tables*>(topology.owner_);
  topology = {};
}

}  // namespace graphite::c_api
