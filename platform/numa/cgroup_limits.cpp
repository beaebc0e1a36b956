#include "platform/numa/cgroup_limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "core/cpu_list.hpp"
#include "platform/numa/cgroup_paths.hpp"
#include "platform/numa/kernel_file.hpp"

namespace graphite {

namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  return text;
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t out = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (text.empty() || failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

result<std::optional<double>> quota_of(std::int64_t quota, std::optional<std::int64_t> period) {
  if (quota <= 0 || !period || *period <= 0) return fail(errc::invalid_argument, "not above zero");
  return static_cast<double>(quota) / static_cast<double>(*period);
}

/// Text of FOLDER/NAME, or none.
std::optional<std::string> file_in(const std::string& folder, std::string_view name) {
  auto text = read_kernel_file(folder + "/" + std::string(name));
  if (!text) return std::nullopt;
  return std::string(trimmed(*text));
}

/// The quota that one group has by itself. Errors: not_found (it has no such file), invalid_argument.
result<std::optional<double>> own_quota(const std::string& folder, bool v2) {
  const auto quota = file_in(folder, v2 ? "cpu.max" : "cpu.cfs_quota_us");
  if (!quota) return fail(errc::not_found, folder);
  if (v2) return parse_cpu_max(*quota);
  return parse_cfs_quota(*quota, file_in(folder, "cpu.cfs_period_us").value_or(""));
}

void read_quota(const cgroup_place& place, const std::string& root, cgroup_facts& out) {
  std::string trouble;
  for (const auto& folder : place.folders) {
    const auto quota = own_quota(root + folder, place.v2);
    if (!quota && quota.error().code == errc::invalid_argument)
      trouble = fmt::format("the quota of {} cannot be understood and is taken as unlimited", folder);
    if (!quota || !*quota || **quota >= out.cpu_quota.value_or(**quota + 1)) continue;
    out.cpu_quota = **quota;
    out.quota_reason = fmt::format("{} grants {:.2f} processors' time", folder, **quota);
  }
  if (!out.cpu_quota) out.quota_reason = trouble.empty() ? "no group has a quota" : trouble;
}

/// A list of FOLDER/NAME, or else of FOLDER/OTHER. None: neither is there, or it makes no sense.
std::optional<std::vector<int>> list_in(const std::string& folder, std::string_view name,
                                        std::string_view other) {
  auto text = file_in(folder, name);
  if (!text && !other.empty()) text = file_in(folder, other);
  if (!text) return std::nullopt;
  auto list = parse_cpu_list(*text);
  // A group in v1 whose set was never written has none.
  if (!list || list->empty()) return std::nullopt;
  return std::move(*list);
}

std::optional<std::vector<int>> cpus_in(const std::string& folder, bool v2) {
  return v2 ? list_in(folder, "cpuset.cpus.effective", "")
            : list_in(folder, "cpuset.effective_cpus", "cpuset.cpus");
}

std::optional<std::vector<int>> memory_in(const std::string& folder, bool v2) {
  return v2 ? list_in(folder, "cpuset.mems.effective", "")
            : list_in(folder, "cpuset.effective_mems", "cpuset.mems");
}

/// How the group keeps others off its processors; empty: it does not.
std::string how_exclusive(const std::string& root, const std::string& folder, bool v2) {
  if (v2) {
    const auto partition = file_in(root + folder, "cpuset.cpus.partition");
    // An invalid one says "root invalid (why)".
    if (partition != "root" && partition != "isolated") return {};
    return fmt::format("{} is a cpuset partition ({})", folder, *partition);
  }
  // The topmost cpuset has the flag always; only it has this file.
  if (file_in(root + folder, "cpuset.memory_pressure_enabled")) return {};
  if (file_in(root + folder, "cpuset.cpu_exclusive") != "1") return {};
  return fmt::format("{} has cpuset.cpu_exclusive", folder);
}

void read_cpuset(const cgroup_place& place, const std::string& root, cgroup_facts& out) {
  out.exclusive_reason = "no cpuset can be seen";
  for (const auto& folder : place.folders) {
    const auto cpus = cpus_in(root + folder, place.v2);
    if (!cpus) continue;  // the controller is not enabled so far down: an ancestor's set applies
    if (!out.cpus) {
      out.cpus = cpus;
      out.memory_nodes = memory_in(root + folder, place.v2);
      out.exclusive_reason = fmt::format("the cpuset of {} is not exclusive", folder);
    }
    if (*cpus != *out.cpus) break;
    const auto how = how_exclusive(root, folder, place.v2);
    if (how.empty()) continue;
    out.exclusive = true;
    out.exclusive_reason = how;
    out.unbalanced = how.ends_with("(isolated)");
    break;
  }
}

/// The place that can be read; of several the one that is whole and shows most ancestors.
std::optional<cgroup_place> readable_place(const std::vector<cgroup_place>& places, const std::string& root,
                                           std::string_view v2_file, std::string_view v1_file) {
  const auto shows = [&](const cgroup_place& place, const std::string& folder) {
    return file_in(root + folder, place.v2 ? v2_file : v1_file).has_value();
  };
  for (const auto& place : places)
    if (shows(place, place.folders.front())) return place;
  for (const auto& place : places)
    for (const auto& folder : place.folders)
      if (shows(place, folder)) return place;
  return std::nullopt;
}

}  // namespace

result<std::optional<double>> parse_cpu_max(std::string_view text) {
  text = trimmed(text);
  const auto blank = text.find(' ');
  const auto quota = text.substr(0, blank);
  if (quota == "max") return std::optional<double>();
  const auto number = whole_number(quota);
  if (!number) return fail(errc::invalid_argument, "cpu.max is no number");
  // The kernel lets the period be left out when it is written, and shows it always.
  return quota_of(*number, blank == std::string_view::npos ? 100'000 : whole_number(text.substr(blank + 1)));
}

result<std::optional<double>> parse_cfs_quota(std::string_view quota_us, std::string_view period_us) {
  const auto quota = whole_number(trimmed(quota_us));
  if (!quota) return fail(errc::invalid_argument, "cpu.cfs_quota_us is no number");
  if (*quota == -1) return std::optional<double>();
  return quota_of(*quota, whole_number(trimmed(period_us)));
}

cgroup_facts read_cgroup_facts(const std::string& root) {
  cgroup_facts out;
  const auto groups = read_kernel_file(root + "/proc/self/cgroup");
  const auto mounts = read_kernel_file(root + "/proc/self/mountinfo");
  if (!groups || !mounts) {
    const auto& why = groups ? mounts.error() : groups.error();
    out.quota_reason = out.exclusive_reason = "control groups cannot be read: " + why.context;
    return out;
  }
  const auto memberships = parse_cgroup_memberships(*groups);
  const auto mounted = parse_cgroup_mounts(*mounts);
  const auto cpu = places_of_controller("cpu", memberships, mounted);
  const auto cpuset = places_of_controller("cpuset", memberships, mounted);
  if (const auto place = readable_place(cpu, root, "cpu.max", "cpu.cfs_quota_us"))
    read_quota(*place, root, out);
  else
    out.quota_reason = cpu.empty() ? "no control group that limits processors is mounted where it can be seen"
                                   : "no group has a quota";
  if (const auto place = readable_place(cpuset, root, "cpuset.cpus.effective", "cpuset.cpus"))
    read_cpuset(*place, root, out);
  else
    out.exclusive_reason = "no cpuset can be seen";
  return out;
}

exclusiveness judge_exclusiveness(const processor_facts& facts) {
  const auto& allowed = facts.allowed;
  const auto part_of = [&allowed](const std::vector<int>& all) {
    return !allowed.empty() && std::includes(all.begin(), all.end(), allowed.begin(), allowed.end());
  };
  const auto list = format_cpu_list(allowed);
  if (allowed.empty()) return {false, "no processors are known"};
  // The kernel moves no threads among isolated processors.
  const bool isolated = part_of(facts.isolated);
  if (facts.cgroup.exclusive)
    return {true, facts.cgroup.exclusive_reason, facts.cgroup.unbalanced || isolated};
  if (isolated) return {true, fmt::format("the kernel keeps others off processors {}", list), true};
  if (!part_of(facts.online) || allowed.size() == facts.online.size())
    return {false, fmt::format("processors {} are shared with the whole machine", list)};
  // A cluster's manager that hands out whole processors looks like this, and so do others.
  if (facts.cgroup.cpu_quota == static_cast<double>(allowed.size()))
    return {false,
            fmt::format("processors {} are as many as the quota: \"on\" is right where they were handed out "
                        "whole, as by Kubernetes' static CPU manager",
                        list)};
  return {false, fmt::format("others may run on processors {}: {}", list,
                             facts.cgroup.exclusive_reason.empty() ? "nothing says that they are exclusive"
                                                                   : facts.cgroup.exclusive_reason)};
}

}  // namespace graphite
