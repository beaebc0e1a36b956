#pragma once

#include "cli/doctor/machine_layout.hpp"
#include "tests/support/fake_topology.hpp"

namespace graphite::test {

/// Two packages of two cores with siblings, node 2 without processors; of node 1 one core may be used.
inline doctor::drawn_machine two_packages() {
  auto machine = fake_machine({0, 0, 0});
  machine.packages = 2;
  machine.online_cpus = 8;
  machine.nodes[0].cpus = {0, 1, 4, 5};
  machine.nodes[1].cpus = {2, 6};
  machine.nodes[0].memory_only = machine.nodes[1].memory_only = false;
  machine.nodes[2].beside = 1;
  machine.nodes[2].memory_allowed = false;
  machine.nodes[2].memory_bytes = 64 * GiB;
  std::vector<doctor::processor_place> places;
  for (int cpu = 0; cpu < 8; ++cpu) {
    const int core = cpu % 4;
    places.push_back({cpu, core < 2 ? 0u : 1u, core, core < 2 ? 0 : 1});
  }
  return doctor::lay_out(machine, places);
}

}  // namespace graphite::test
