#include "coordinator/glob_index.hpp"

#include <algorithm>

#include "core/path_text.hpp"

namespace graphite {

/// The file name that every match has; empty where there may be several.
static std::string_view only_name(const glob& pattern) {
  const auto name = file_name_of(pattern.text());
  return name.find_first_of("*?[]{},\\") == std::string_view::npos ? name : std::string_view{};
}

void glob_index::add(std::uint32_t group, const std::vector<glob>& globs) {
  for (const auto& pattern : globs) {
    auto filed_under = pattern.prefix();
    const auto length = filed_under.size();
    filed_under += '\0';
    filed_under += only_name(pattern);
    by_prefix_[length][std::move(filed_under)].push_back({group, pattern});
  }
}

void glob_index::try_all(const filed& in, const std::string& under, std::string_view path,
                         std::vector<std::uint32_t>& out) const {
  const auto found = in.find(under);
  if (found == in.end()) return;
  for (const auto& [group, pattern] : found->second) {
    ++tried_;
    if (pattern.matches(path)) out.push_back(group);
  }
}

std::vector<std::uint32_t> glob_index::matching(std::string_view path) const {
  std::vector<std::uint32_t> out;
  for (const auto& [length, entries] : by_prefix_) {
    if (length > path.size()) break;
    auto filed_under = std::string(path.substr(0, length)) + '\0';
    try_all(entries, filed_under, path, out);
    filed_under += file_name_of(path);
    try_all(entries, filed_under, path, out);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace graphite
