#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/ports/topology.hpp"
#include "platform/numa/cgroup_limits.hpp"

namespace graphite {

/// Another machine than this one, in hwloc's words.
struct described_machine {
  enum class form { synthetic, xml_text, xml_file };
  form how = form::synthetic;
  std::string text{};  ///< the description, or the file's path
};

/// What is left out is asked of the system, or holds no restriction where a machine is described.
struct hwloc_topology_options {
  std::optional<described_machine> machine{};
  std::optional<std::vector<int>> allowed_cpus{};
  std::optional<std::vector<int>> allowed_memory_nodes{};
  std::optional<std::map<unsigned, std::vector<int>>> cpus_of_nodes{};  ///< as the kernel lists them
  std::optional<cgroup_facts> cgroup{};
  std::string root{};  ///< stands before /proc and /sys where control groups and lists of processors are read
};

/// The topology as hwloc sees it, held to what the process may use: hwloc's allowed sets, the affinity mask
/// of the main thread, the control groups. A processor belongs to the node that the kernel lists it with;
/// where that is not known, to the one with the fewest processors that hwloc has it near to, ties to the
/// lowest number. So other memory beside a node's own, of high bandwidth or far away, is memory only. Neither
/// caches nor devices are discovered, and no thread is moved. Thread-safe: each read() discovers anew.
class hwloc_topology final : public topology_source {
 public:
  explicit hwloc_topology(hwloc_topology_options options = {}) : options_(std::move(options)) {}
  result<machine_topology> read() const override;

 private:
  hwloc_topology_options options_;
};

}  // namespace graphite
