#include "cli/doctor/mounts.hpp"

#include <vector>

#include "core/path_text.hpp"
#include "platform/numa/cgroup_paths.hpp"

namespace graphite::doctor {

namespace {

std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> out;
  while (!line.empty()) {
    const auto end = std::min(line.find(' '), line.size());
    out.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return out;
}

}  // namespace

mounted mount_of(std::string_view mountinfo, std::string_view path) {
  constexpr std::size_t mount_point = 4;
  mounted out;
  while (!mountinfo.empty()) {
    const auto end = std::min(mountinfo.find('\n'), mountinfo.size());
    const auto fields = fields_of(mountinfo.substr(0, end));
    mountinfo.remove_prefix(std::min(end + 1, mountinfo.size()));
    std::size_t dash = mount_point + 1;
    while (dash < fields.size() && fields[dash] != "-") ++dash;
    if (dash + 1 >= fields.size()) continue;
    auto folder = unescaped_mount_field(fields[mount_point]);
    if (is_at_or_below(path, folder == "/" ? "" : folder) && folder.size() >= out.folder.size())
      out = {std::move(folder), std::string(fields[dash + 1])};
  }
  return out;
}

}  // namespace graphite::doctor
