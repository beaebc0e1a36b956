#include <sys/resource.h>

#include <charconv>
#include <cstdlib>
#include <sstream>

#include "cli/doctor/look.hpp"
#include "platform/numa/cgroup_paths.hpp"
#include "platform/numa/kernel_file.hpp"

namespace graphite::doctor {

namespace {

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t out = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

std::optional<std::uint64_t> limit_of(rlim_t value) {
  if (value == RLIM_INFINITY) return std::nullopt;
  return static_cast<std::uint64_t>(value);
}

/// v1 writes "unlimited" as the largest number of whole pages.
constexpr std::uint64_t unlimited_from = std::uint64_t{1} << 62;

}  // namespace

std::string kernel_text(const std::string& path) {
  auto text = read_kernel_file(path);
  if (!text) return {};
  while (!text->empty() && (text->back() == '\n' || text->back() == ' ')) text->pop_back();
  return std::move(*text);
}

std::optional<std::uint64_t> kernel_number(const std::string& path) { return number_in(kernel_text(path)); }

std::string own_status(std::string_view name) {
  const auto text = kernel_text("/proc/self/status");
  const auto begin = text.find("\n" + std::string(name) + ":\t");
  if (begin == std::string::npos) return {};
  const auto value = begin + name.size() + 3;
  return text.substr(value, text.find('\n', value) - value);
}

resource_limit look_at_limit(int what) {
  struct rlimit found {};
  if (::getrlimit(static_cast<__rlimit_resource>(what), &found) != 0) return {};
  return {limit_of(found.rlim_cur), limit_of(found.rlim_max)};
}

bool has_capability(unsigned number) {
  const auto text = own_status("CapEff");
  return !text.empty() && (std::strtoull(text.c_str(), nullptr, 16) >> number & 1) != 0 &&
         has_machine_users();
}

bool has_machine_users() {
  std::istringstream map(kernel_text("/proc/self/uid_map"));
  std::uint64_t inside = 1, outside = 1, count = 0;
  map >> inside >> outside >> count;
  return inside == 0 && outside == 0 && count == 0xffff'ffff;
}

group_limit look_at_group(const group_limit_files& files) {
  group_limit out;
  const auto memberships = parse_cgroup_memberships(kernel_text("/proc/self/cgroup"));
  const auto mounts = parse_cgroup_mounts(kernel_text("/proc/self/mountinfo"));
  for (const auto& place : places_of_controller(files.controller, memberships, mounts)) {
    for (const auto& folder : place.folders) {
      const auto file = folder + "/" + std::string(place.v2 ? files.most : files.old_most);
      const auto most = kernel_number(file);
      if (!most || *most >= unlimited_from || (out.most && *out.most <= *most)) continue;
      const auto used = kernel_number(folder + "/" + std::string(place.v2 ? files.used : files.old_used));
      out = {most, used.value_or(0), folder};
    }
  }
  return out;
}

}  // namespace graphite::doctor
