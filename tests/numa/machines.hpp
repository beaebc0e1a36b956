#pragma once

#include <string>
#include <vector>

#include "platform/numa/hwloc_topology.hpp"

namespace graphite::test {

/// hwloc's XML of a machine that a synthetic description cannot tell alone.
struct xml_machine {
  std::string synthetic{};
  std::vector<std::vector<unsigned>> distances{};  ///< of the nodes in hwloc's order; empty: none
  std::string keep_cpus{};     ///< "0-3,8": others are no part of the machine; empty: all stay
  std::string allowed_cpus{};  ///< what hwloc found the process to be allowed; empty: all
  std::string allowed_nodes{};
};
std::string to_xml(const xml_machine& machine);

/// A source that tells the described machine, unrestricted.
hwloc_topology_options synthetic_machine(const std::string& text);
hwloc_topology_options from_xml(const xml_machine& machine);
hwloc_topology_options recorded_machine(const std::string& xml);

}  // namespace graphite::test
