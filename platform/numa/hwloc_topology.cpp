#include "platform/numa/hwloc_topology.hpp"

#include <fmt/format.h>
#include <hwloc.h>
#include <hwloc/distances.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "core/cpu_list.hpp"
#include "platform/linux/cpu_set.hpp"
#include "platform/numa/kernel_file.hpp"

namespace graphite {

namespace {

struct destroy_topology {
  void operator()(hwloc_topology_t topology) const { ::hwloc_topology_destroy(topology); }
};
using owned_topology = std::unique_ptr<struct ::hwloc_topology, destroy_topology>;

int set_machine(hwloc_topology_t topology, const described_machine& machine) {
  switch (machine.how) {
    case described_machine::form::synthetic:
      return ::hwloc_topology_set_synthetic(topology, machine.text.c_str());
    case described_machine::form::xml_text:
      // Its size counts the closing zero.
      return ::hwloc_topology_set_xmlbuffer(topology, machine.text.c_str(),
                                            static_cast<int>(machine.text.size() + 1));
    case described_machine::form::xml_file:
      return ::hwloc_topology_set_xml(topology, machine.text.c_str());
  }
  return -1;
}

/// Only nodes, packages, cores and processors; forbidden ones as well.
void limit_discovery(hwloc_topology_t topology) {
  ::hwloc_topology_set_flags(topology, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED |
                                           HWLOC_TOPOLOGY_FLAG_DONT_CHANGE_BINDING |
                                           HWLOC_TOPOLOGY_FLAG_NO_CPUKINDS);
  ::hwloc_topology_set_cache_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_NONE);
  ::hwloc_topology_set_icache_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_NONE);
  ::hwloc_topology_set_io_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_NONE);
  ::hwloc_topology_set_type_filter(topology, HWLOC_OBJ_MISC, HWLOC_TYPE_FILTER_KEEP_NONE);
  for (const char* const component : {"x86", "pci", "opencl", "cuda", "nvml", "rsmi", "levelzero", "gl"})
    ::hwloc_topology_set_components(topology, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, component);
}

result<owned_topology> discover(const std::optional<described_machine>& machine) {
  hwloc_topology_t made = nullptr;
  if (::hwloc_topology_init(&made) != 0) return fail(errc::unsupported, "hwloc does not start");
  owned_topology out(made);
  if (machine && set_machine(made, *machine) != 0)
    return fail(errc::invalid_argument,
                fmt::format("hwloc does not understand the machine \"{}\"", machine->text.substr(0, 200)));
  limit_discovery(made);
  if (::hwloc_topology_load(made) != 0) {
    const auto why = errno_error(errno, "hwloc cannot tell the topology").context;
    return fail(machine ? errc::invalid_argument : errc::unsupported, why);
  }
  return out;
}

std::vector<int> numbers_of(hwloc_const_bitmap_t set) {
  std::vector<int> out;
  for (int i = ::hwloc_bitmap_first(set); i >= 0 && i < cpu_number_max; i = ::hwloc_bitmap_next(set, i))
    out.push_back(i);
  return out;
}

/// Both ascending.
std::vector<int> in_both(const std::vector<int>& a, const std::vector<int>& b) {
  std::vector<int> out;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
  return out;
}

bool has_number(const std::vector<int>& sorted, unsigned number) {
  return std::binary_search(sorted.begin(), sorted.end(), static_cast<int>(number));
}

std::vector<hwloc_obj_t> objects_of(hwloc_topology_t topology, hwloc_obj_type_t type) {
  std::vector<hwloc_obj_t> out;
  for (hwloc_obj_t object = nullptr;
       (object = ::hwloc_get_next_obj_by_type(topology, type, object)) != nullptr;)
    out.push_back(object);
  std::stable_sort(out.begin(), out.end(), [](auto a, auto b) { return a->os_index < b->os_index; });
  return out;
}

/// The list in a file of the kernel, or none.
std::optional<std::vector<int>> listed_in(const std::string& path) {
  const auto text = read_kernel_file(path);
  if (!text) return std::nullopt;
  auto list = parse_cpu_list(*text);
  if (!list) return std::nullopt;
  return std::move(*list);
}

/// Nodes that this process may have memory of, as the kernel tells it.
std::optional<std::vector<int>> memory_allowed_by_kernel(const std::string& root) {
  constexpr std::string_view label = "\nMems_allowed_list:";
  const auto text = read_kernel_file(root + "/proc/self/status");
  const auto at = text ? text->find(label) : std::string::npos;
  if (at == std::string::npos) return std::nullopt;
  const auto begin = at + label.size();
  auto list = parse_cpu_list(std::string_view(*text).substr(begin, text->find('\n', begin) - begin));
  if (!list) return std::nullopt;
  return std::move(*list);
}

/// What the process may use of the discovered machine.
struct restrictions {
  processor_facts processors{};
  std::vector<int> memory_nodes{};
  std::map<unsigned, std::vector<int>> cpus_of_nodes{};  // none of a node: not known
};

/// Leaves a restriction out that would leave nothing: it speaks of another machine.
void restrict_to(std::vector<int>& numbers, const std::optional<std::vector<int>>& allowed) {
  if (!allowed) return;
  auto both = in_both(numbers, *allowed);
  if (!both.empty()) numbers = std::move(both);
}

void restrict_to_process(const std::string& root, const hwloc_topology_options& options, restrictions& out) {
  if (!options.allowed_cpus)
    if (const auto mask = allowed_cpus()) out.processors.allowed = in_both(out.processors.allowed, *mask);
  if (!options.allowed_memory_nodes) restrict_to(out.memory_nodes, memory_allowed_by_kernel(root));
  const std::string folder = root + "/sys/devices/system/cpu/";
  if (auto online = listed_in(folder + "online")) out.processors.online = std::move(*online);
  if (auto isolated = listed_in(folder + "isolated")) out.processors.isolated = std::move(*isolated);
}

/// hwloc gives nodes without processors those of the nearest node: the kernel knows whose they are.
std::map<unsigned, std::vector<int>> kernel_lists(hwloc_topology_t topology, const std::string& root) {
  std::map<unsigned, std::vector<int>> out;
  for (const auto node : objects_of(topology, HWLOC_OBJ_NUMANODE))
    if (auto list = listed_in(fmt::format("{}/sys/devices/system/node/node{}/cpulist", root, node->os_index)))
      out[node->os_index] = std::move(*list);
  return out;
}

restrictions restrictions_of(hwloc_topology_t topology, const hwloc_topology_options& options) {
  restrictions out;
  auto& processors = out.processors;
  for (const auto pu : objects_of(topology, HWLOC_OBJ_PU))
    processors.online.push_back(static_cast<int>(pu->os_index));
  processors.allowed = in_both(processors.online, numbers_of(::hwloc_topology_get_allowed_cpuset(topology)));
  out.memory_nodes = numbers_of(::hwloc_topology_get_allowed_nodeset(topology));
  if (options.cgroup)
    processors.cgroup = *options.cgroup;
  else if (!options.machine)
    processors.cgroup = read_cgroup_facts(options.root);
  if (!options.machine) restrict_to_process(options.root, options, out);
  if (options.cpus_of_nodes)
    out.cpus_of_nodes = *options.cpus_of_nodes;
  else if (!options.machine)
    out.cpus_of_nodes = kernel_lists(topology, options.root);
  if (options.allowed_cpus) processors.allowed = in_both(processors.allowed, *options.allowed_cpus);
  if (options.allowed_memory_nodes)
    out.memory_nodes = in_both(out.memory_nodes, *options.allowed_memory_nodes);
  restrict_to(processors.allowed, processors.cgroup.cpus);
  restrict_to(out.memory_nodes, processors.cgroup.memory_nodes);
  return out;
}

/// The node of one processor, as an index of `nodes`, which are ascending by number.
std::size_t owner_of(unsigned cpu, const std::vector<hwloc_obj_t>& nodes,
                     const std::map<unsigned, std::vector<int>>& lists) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const auto list = lists.find(nodes[i]->os_index);
    if (list != lists.end()) {
      if (has_number(list->second, cpu)) return i;
      continue;
    }
    if (!::hwloc_bitmap_isset(nodes[i]->cpuset, cpu)) continue;
    if (!best || ::hwloc_bitmap_weight(nodes[i]->cpuset) < ::hwloc_bitmap_weight(nodes[*best]->cpuset))
      best = i;
  }
  return best.value_or(0);  // near to none: it has to be somewhere
}

/// The node of each processor.
std::map<int, std::size_t> owners_of(hwloc_topology_t topology, const std::vector<hwloc_obj_t>& nodes,
                                     const std::map<unsigned, std::vector<int>>& lists) {
  std::map<int, std::size_t> out;
  for (const auto pu : objects_of(topology, HWLOC_OBJ_PU))
    out[static_cast<int>(pu->os_index)] = owner_of(pu->os_index, nodes, lists);
  return out;
}

/// The node whose processors are beside memory-only `memory`; the lowest of several. None where it is all of
/// them.
std::optional<unsigned> node_beside(hwloc_obj_t memory, const std::vector<hwloc_obj_t>& nodes,
                                    const std::map<int, std::size_t>& owners) {
  std::set<std::size_t> near, all;
  for (const auto& [cpu, owner] : owners) {
    all.insert(owner);
    if (::hwloc_bitmap_isset(memory->cpuset, static_cast<unsigned>(cpu))) near.insert(owner);
  }
  if (near.empty() || near.size() == all.size()) return std::nullopt;
  return nodes[*near.begin()]->os_index;
}

/// Of each core the first processor that is in `allowed`.
std::vector<int> first_of_cores(hwloc_topology_t topology, const std::vector<int>& allowed) {
  std::vector<int> out;
  for (const auto core : objects_of(topology, HWLOC_OBJ_CORE)) {
    const auto both = in_both(numbers_of(core->cpuset), allowed);
    if (!both.empty()) out.push_back(both.front());
  }
  std::sort(out.begin(), out.end());
  return out.empty() ? allowed : out;  // a description need not have cores
}

/// Rows by the place in `nodes`; empty where the system tells none, or not of all.
std::vector<std::vector<unsigned>> distances_of(hwloc_topology_t topology,
                                                const std::vector<hwloc_obj_t>& nodes) {
  unsigned count = 1;
  struct hwloc_distances_s* matrix = nullptr;
  if (::hwloc_distances_get_by_name(topology, "NUMALatency", &count, &matrix, 0) != 0 || count == 0)
    return {};
  const std::unique_ptr<struct hwloc_distances_s, std::function<void(struct hwloc_distances_s*)>> owned(
      matrix, [topology](auto* out) { ::hwloc_distances_release(topology, out); });
  std::vector<std::vector<unsigned>> out(nodes.size(), std::vector<unsigned>(nodes.size()));
  std::vector<unsigned> places;
  for (const auto node : nodes) {
    hwloc_obj_t* const end = matrix->objs + matrix->nbobjs;
    hwloc_obj_t* const found = std::find(matrix->objs, end, node);
    if (found == end) return {};
    places.push_back(static_cast<unsigned>(found - matrix->objs));
  }
  for (std::size_t i = 0; i < nodes.size(); ++i)
    for (std::size_t j = 0; j < nodes.size(); ++j)
      out[i][j] = static_cast<unsigned>(matrix->values[places[i] * matrix->nbobjs + places[j]]);
  return out;
}

std::vector<numa_node> nodes_of(hwloc_topology_t topology, const restrictions& may) {
  const auto objects = objects_of(topology, HWLOC_OBJ_NUMANODE);
  const auto owners = owners_of(topology, objects, may.cpus_of_nodes);
  const auto distances = distances_of(topology, objects);
  const auto cores = first_of_cores(topology, may.processors.allowed);
  std::vector<numa_node> out;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    auto& node = out.emplace_back();
    node.number = objects[i]->os_index;
    node.memory_only = true;
    node.memory_bytes = objects[i]->attr->numanode.local_memory;
    node.memory_allowed = has_number(may.memory_nodes, node.number);
    if (!distances.empty()) node.distances = distances[i];
    for (const auto& [cpu, owner] : owners) {
      if (owner != i) continue;
      node.memory_only = false;
      if (has_number(may.processors.allowed, static_cast<unsigned>(cpu))) node.cpus.push_back(cpu);
    }
    node.cores = in_both(node.cpus, cores);
    if (node.memory_only && objects.size() > 1) node.beside = node_beside(objects[i], objects, owners);
  }
  return out;
}

}  // namespace

result<machine_topology> hwloc_topology::read() const {
  GRAPHITE_TRY(const auto topology, discover(options_.machine));
  const auto may = restrictions_of(topology.get(), options_);
  if (may.processors.allowed.empty())
    return fail(errc::unsupported, "hwloc knows none of the processors that this process may use");
  machine_topology out;
  out.nodes = nodes_of(topology.get(), may);
  out.online_cpus = may.processors.online.size();
  if (out.online_cpus > 0) out.last_cpu = may.processors.online.back();
  out.packages = std::max<std::size_t>(objects_of(topology.get(), HWLOC_OBJ_PACKAGE).size(), 1);
  out.cpu_quota = may.processors.cgroup.cpu_quota;
  out.quota_reason = may.processors.cgroup.quota_reason;
  auto verdict = judge_exclusiveness(may.processors);
  out.exclusive = verdict.exclusive;
  out.exclusive_reason = std::move(verdict.reason);
  out.unbalanced = verdict.unbalanced;
  return out;
}

}  // namespace graphite
