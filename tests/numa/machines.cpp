#include "tests/numa/machines.hpp"

#include <hwloc.h>
#include <hwloc/distances.h>
#include <hwloc/export.h>

#include <stdexcept>

namespace graphite::test {

namespace {

void check_hwloc(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string("hwloc: ") + what);
}

struct bitmap_of {
  explicit bitmap_of(const std::string& list) : set(::hwloc_bitmap_alloc()) {
    check_hwloc(::hwloc_bitmap_list_sscanf(set, list.c_str()) == 0, list.c_str());
  }
  ~bitmap_of() { ::hwloc_bitmap_free(set); }
  bitmap_of(const bitmap_of&) = delete;
  bitmap_of& operator=(const bitmap_of&) = delete;
  hwloc_bitmap_t set;
};

void add_distances(hwloc_topology_t topology, const std::vector<std::vector<unsigned>>& rows) {
  std::vector<hwloc_obj_t> nodes;
  std::vector<hwloc_uint64_t> values;
  for (unsigned i = 0; i < rows.size(); ++i)
    nodes.push_back(::hwloc_get_obj_by_type(topology, HWLOC_OBJ_NUMANODE, i));
  for (const auto& row : rows) values.insert(values.end(), row.begin(), row.end());
  auto* const handle = ::hwloc_distances_add_create(
      topology, "NUMALatency", HWLOC_DISTANCES_KIND_FROM_OS | HWLOC_DISTANCES_KIND_MEANS_LATENCY, 0);
  check_hwloc(handle != nullptr, "distances");
  check_hwloc(::hwloc_distances_add_values(topology, handle, static_cast<unsigned>(nodes.size()),
                                           nodes.data(), values.data(), 0) == 0,
              "values of distances");
  check_hwloc(::hwloc_distances_add_commit(topology, handle, 0) == 0, "commit of distances");
}

void restrict_machine(hwloc_topology_t topology, const xml_machine& machine) {
  // A node whose processors go stays, with none.
  if (!machine.keep_cpus.empty())
    check_hwloc(::hwloc_topology_restrict(topology, bitmap_of(machine.keep_cpus).set, 0) == 0, "restrict");
  if (machine.allowed_cpus.empty() && machine.allowed_nodes.empty()) return;
  const bitmap_of cpus(machine.allowed_cpus.empty() ? "0-" : machine.allowed_cpus);
  const bitmap_of nodes(machine.allowed_nodes.empty() ? "0-" : machine.allowed_nodes);
  check_hwloc(::hwloc_topology_allow(topology, cpus.set, nodes.set, HWLOC_ALLOW_FLAG_CUSTOM) == 0, "allow");
}

}  // namespace

std::string to_xml(const xml_machine& machine) {
  hwloc_topology_t topology = nullptr;
  check_hwloc(::hwloc_topology_init(&topology) == 0, "init");
  check_hwloc(::hwloc_topology_set_synthetic(topology, machine.synthetic.c_str()) == 0, "synthetic");
  check_hwloc(::hwloc_topology_set_flags(topology, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED) == 0, "flags");
  check_hwloc(::hwloc_topology_load(topology) == 0, "load");
  if (!machine.distances.empty()) add_distances(topology, machine.distances);
  restrict_machine(topology, machine);
  char* text = nullptr;
  int size = 0;
  check_hwloc(::hwloc_topology_export_xmlbuffer(topology, &text, &size, 0) == 0, "export");
  std::string out(text);
  ::hwloc_free_xmlbuffer(topology, text);
  ::hwloc_topology_destroy(topology);
  return out;
}

hwloc_topology_options synthetic_machine(const std::string& text) {
  return {.machine = described_machine{described_machine::form::synthetic, text}};
}

hwloc_topology_options from_xml(const xml_machine& machine) { return recorded_machine(to_xml(machine)); }

hwloc_topology_options recorded_machine(const std::string& xml) {
  return {.machine = described_machine{described_machine::form::xml_text, xml}};
}

}  // namespace graphite::test
