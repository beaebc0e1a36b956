#include "cli/machine.hpp"

#include <unistd.h>

#include <algorithm>

#include "platform/linux/cpu_set.hpp"
#include "platform/numa/hwloc_topology.hpp"
#include "platform/numa/placement.hpp"

namespace graphite {

namespace {

/// What is known without hwloc: one node with all processors that may be used.
machine_topology flat_machine() {
  machine_topology out;
  auto& node = out.nodes.emplace_back();
  if (auto cpus = allowed_cpus()) node.cpus = std::move(*cpus);
  node.cores = node.cpus;
  node.memory_bytes = static_cast<std::uint64_t>(std::max(::sysconf(_SC_PHYS_PAGES), 0l)) *
                      static_cast<std::uint64_t>(std::max(::sysconf(_SC_PAGESIZE), 0l));
  out.online_cpus = static_cast<std::size_t>(std::max(::sysconf(_SC_NPROCESSORS_ONLN), 1l));
  const auto groups = read_cgroup_facts();
  out.cpu_quota = groups.cpu_quota;
  out.quota_reason = groups.quota_reason;
  out.exclusive_reason = "the topology is not known";
  return out;
}

}  // namespace

machine_plan make_machine_plan(pin_mode mode, std::size_t jobs) {
  return make_machine_plan(hwloc_topology(), numa_placement(), mode, jobs);
}

machine_plan make_machine_plan(const topology_source& source, const memory_placement& placement,
                               pin_mode mode, std::size_t jobs) {
  machine_plan out;
  if (auto read = source.read()) {
    out.topology = std::move(*read);
  } else {
    out.topology = flat_machine();
    out.warning = "the machine is taken as one domain: " + read.error().context;
  }
  out.affinity = plan_affinity(out.topology, mode, jobs);
  out.placement_reason = placement.reason();
  return out;
}

}  // namespace graphite
