#include "coordinator/cluster/tool_choice.hpp"

#include <algorithm>

namespace graphite {

std::map<std::string, digest> choose_tools(const std::vector<std::shared_ptr<const control::join>>& nodes) {
  std::map<std::string, std::map<digest, std::uint64_t>> cpus;
  for (const auto& node : nodes) {
    std::uint64_t milli = 0;
    for (const auto& domain : node->domains) milli += domain.cpu_milli;
    for (const auto& tool : node->tools) cpus[tool.name][tool.what] += milli;
  }
  std::map<std::string, digest> out;
  for (const auto& [name, builds] : cpus)
    // The first of equal ones: the digests ascend.
    out[name] = std::ranges::max_element(builds, {}, [](const auto& one) { return one.second; })->first;
  return out;
}

}  // namespace graphite
