#include "platform/numa/cgroup_paths.hpp"

#include <algorithm>

#include "core/path_text.hpp"

namespace graphite {

namespace {

std::vector<std::string_view> split_text(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const auto end = std::min(text.find(separator), text.size());
    if (end > 0) out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::vector<std::string> split_names(std::string_view text) {
  std::vector<std::string> out;
  for (const auto part : split_text(text, ',')) out.emplace_back(part);
  return out;
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// "" for "/", so that parts can be put together.
std::string without_slash(std::string path) {
  while (!path.empty() && path.back() == '/') path.pop_back();
  return path;
}

/// "/.." as a part of it: not to be followed.
bool leads_up(std::string_view path) {
  for (const auto part : split_text(path, '/'))
    if (part == "..") return true;
  return false;
}

cgroup_place place_below(const cgroup_mount& mount, std::string_view path_below) {
  cgroup_place out{.v2 = mount.v2, .mounted = without_slash(mount.folder)};
  auto folder = out.mounted + std::string(path_below);
  while (folder.size() > out.mounted.size()) {
    out.folders.push_back(folder);
    folder = folder_of(folder);
  }
  out.folders.push_back(out.mounted);
  return out;
}

}  // namespace

std::string unescaped_mount_field(std::string_view text) {
  const auto octal = [](char c) { return c >= '0' && c <= '7'; };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && octal(text[i + 1]) && octal(text[i + 2]) &&
        octal(text[i + 3])) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::vector<cgroup_membership> parse_cgroup_memberships(std::string_view text) {
  std::vector<cgroup_membership> out;
  for (const auto line : split_text(text, '\n')) {
    const auto first = line.find(':');
    const auto second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos || second + 1 >= line.size() || line[second + 1] != '/') continue;
    const auto controllers = line.substr(first + 1, second - first - 1);
    if (controllers.empty() && line.substr(0, first) != "0") continue;
    out.push_back({split_names(controllers), std::string(line.substr(second + 1))});
  }
  return out;
}

std::vector<cgroup_mount> parse_cgroup_mounts(std::string_view text) {
  std::vector<cgroup_mount> out;
  for (const auto line : split_text(text, '\n')) {
    const auto dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    const auto before = split_text(line.substr(0, dash), ' ');
    const auto after = split_text(line.substr(dash + 3), ' ');
    if (before.size() < 5 || after.empty() || (after[0] != "cgroup" && after[0] != "cgroup2")) continue;
    if (before[3].front() != '/' || before[4].front() != '/') continue;
    out.push_back({unescaped_mount_field(before[3]), unescaped_mount_field(before[4]), after[0] == "cgroup2",
                   after.size() > 2 ? split_names(after[2]) : std::vector<std::string>{}});
  }
  return out;
}

std::vector<cgroup_place> places_of_controller(std::string_view controller,
                                               const std::vector<cgroup_membership>& memberships,
                                               const std::vector<cgroup_mount>& mounts) {
  const cgroup_membership* own = nullptr;
  for (const auto& membership : memberships)
    if (contains(membership.controllers, controller) || (own == nullptr && membership.controllers.empty()))
      own = &membership;
  std::vector<cgroup_place> out;
  if (own == nullptr || leads_up(own->path)) return out;
  const bool v2 = own->controllers.empty();
  const auto path = without_slash(own->path);
  for (const auto& mount : mounts) {
    const auto group = without_slash(mount.group);
    if (mount.v2 != v2 || !is_at_or_below(path, group)) continue;
    if (!v2 && !contains(mount.options, controller)) continue;
    out.push_back(place_below(mount, std::string_view(path).substr(group.size())));
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& a, const auto& b) { return a.folders.size() > b.folders.size(); });
  return out;
}

}  // namespace graphite
