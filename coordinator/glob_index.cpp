#include "coordinator/glob_index.hpp"

#include <algorithm>

namespace graphite {

void glob_index::add(std::uint32_t group, const std::vector<glob>& globs) {
  for (const auto& pattern : globs) {
    auto prefix = pattern.prefix();
    by_prefix_[prefix.size()][std::move(prefix)].push_back({group, pattern});
  }
}

std::vector<std::uint32_t> glob_index::matching(std::string_view path) const {
  std::vector<std::uint32_t> out;
  for (const auto& [length, entries] : by_prefix_) {
    if (length > path.size()) break;
    const auto found = entries.find(std::string(path.substr(0, length)));
    if (found == entries.end()) continue;
    for (const auto& [group, pattern] : found->second) {
      ++tried_;
      if (pattern.matches(path)) out.push_back(group);
    }
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace graphite
