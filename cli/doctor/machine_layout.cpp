#include "cli/doctor/machine_layout.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace graphite::doctor {

namespace {

struct known_processor {
  int core = 0;
  std::optional<int> package{};
  bool usable = false;
};

std::map<int, known_processor> processors_of(const numa_node& node,
                                             const std::vector<processor_place>& places) {
  std::map<int, known_processor> out;
  for (const auto& place : places)
    if (place.node == node.number) out[place.number] = {place.core, place.package, false};
  for (const int cpu : node.cpus) {
    auto& known = out.try_emplace(cpu, known_processor{cpu, std::nullopt, false}).first->second;
    known.usable = true;
  }
  return out;
}

drawn_node lay_out_node(const numa_node& node, const std::vector<processor_place>& places) {
  drawn_node out{.node = node};
  std::map<int, drawn_core> cores;
  std::set<std::optional<int>> packages;
  for (const auto& [number, known] : processors_of(node, places)) {
    cores[known.core].processors.push_back({number, known.usable});
    packages.insert(known.package);
  }
  if (packages.size() == 1) out.package = *packages.begin();
  for (auto& [first, core] : cores) out.cores.push_back(std::move(core));
  return out;
}

}  // namespace

drawn_machine lay_out(const machine_topology& machine, const std::vector<processor_place>& places) {
  drawn_machine out{.packages = machine.packages, .online = machine.online_cpus};
  for (const auto& node : machine.nodes) {
    out.nodes.push_back(lay_out_node(node, places));
    out.usable += node.cpus.size();
    out.cores += out.nodes.back().cores.size();
  }
  out.distances = machine.nodes.size() > 1 &&
                  std::all_of(machine.nodes.begin(), machine.nodes.end(), [&](const numa_node& node) {
                    return node.distances.size() == machine.nodes.size();
                  });
  return out;
}

}  // namespace graphite::doctor
