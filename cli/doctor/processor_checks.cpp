#include "cli/doctor/processor_checks.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/cpu_list.hpp"

namespace graphite::doctor {

namespace {

constexpr const char* more_time =
    "Raise the quota or take it away: `docker run --cpus N`, `resources.limits.cpu` in Kubernetes, "
    "`CPUQuota=` of a systemd unit.";

finding judge_allowed(const processor_report& facts) {
  const auto& plan = facts.plan;
  const auto& machine = plan.topology;
  const auto usable = usable_processors(machine);
  std::vector<int> cpus;
  for (const auto& node : machine.nodes) cpus.insert(cpus.end(), node.cpus.begin(), node.cpus.end());
  std::sort(cpus.begin(), cpus.end());
  const auto found = fmt::format("{} of {} may be used ({})", usable,
                                 counted(machine.online_cpus, "processor"), format_cpu_list(cpus));
  const auto trouble = !plan.warning.empty() ? plan.warning
                       : facts.sysfs         ? std::string()
                                             : "/sys does not tell of nodes, cores and memory";
  if (!trouble.empty())
    return warning("processors", found + "; " + trouble,
                   "Make /sys/devices/system readable: mount sysfs where a chroot or container has none.");
  if (usable >= machine.online_cpus) return ok("processors", found);
  return note("processors", found,
              "To use all of them start it without `taskset` and `docker run --cpuset-cpus`, and without "
              "`AllowedCPUs=` or `CPUAffinity=` of a systemd unit.");
}

finding judge_quota(const machine_topology& machine) {
  const auto usable = usable_processors(machine);
  if (!machine.cpu_quota) return ok("processor_quota", "unlimited: " + machine.quota_reason);
  const double quota = *machine.cpu_quota;
  if (quota < 1)
    return warning("processor_quota",
                   machine.quota_reason + ": even one thread is stopped for a part of each period",
                   more_time);
  if (quota < static_cast<double>(usable))
    return note("processor_quota",
                fmt::format("{}: {} run, on {}", machine.quota_reason,
                            counted(static_cast<std::uint64_t>(quota), "action") + " at once",
                            counted(usable, "processor")),
                more_time);
  return ok("processor_quota", machine.quota_reason + ", as much as may be used");
}

std::size_t domains_of(const machine_topology& machine) {
  return static_cast<std::size_t>(std::count_if(machine.nodes.begin(), machine.nodes.end(),
                                                [](const numa_node& node) { return !node.cpus.empty(); }));
}

finding judge_pinning(const processor_report& facts) {
  const auto& [machine, plan, refused, trouble] = facts.plan;
  const auto found = fmt::format("--pin {}: {}", to_string(facts.pinning), plan.reason);
  if (facts.pinning == pin_mode::always && !machine.exclusive)
    return note("pinning", found,
                "Use `--pin auto` where other programs run on these processors: bound threads cannot give "
                "way to them.");
  if (plan.pinned || domains_of(machine) < 2) return ok("pinning", found);
  return note(
      "pinning", found,
      "Use `--pin on` where nothing else runs here, or give it whole processors of its own: a Kubernetes "
      "pod whose requests equal its limits under the static CPU manager.");
}

finding judge_placement(const machine_plan& plan) {
  const auto nodes = plan.topology.nodes.size();
  if (plan.placement_reason.empty())
    return ok("memory_placement", "memory can be placed on " + counted(nodes, "node"));
  if (nodes < 2)
    return ok("memory_placement",
              "memory cannot be placed, and one node needs no placing: " + plan.placement_reason);
  return warning("memory_placement", "memory lies where the system likes: " + plan.placement_reason,
                 "Allow mbind: `docker run --cap-add SYS_NICE`, or `capabilities.add: [SYS_NICE]` in "
                 "Kubernetes; move_pages needs `--security-opt seccomp=PROFILE.json` that allows it.");
}

finding judge_remote_access(const processor_report& facts) {
  const auto& remote = facts.remote;
  if (facts.plan.topology.nodes.size() < 2) return ok("remote_access", "one node: no memory is far away");
  const bool hardware = !remote.source.empty() && remote.reason.empty();
  if (hardware) return ok("remote_access", "measured: " + remote.source);
  auto found = remote.source.empty() ? "cannot be measured" : "only " + remote.source;
  if (!remote.reason.empty()) found += ": " + remote.reason;
  return note(
      "remote_access", found,
      "For the processor's counters set `sysctl -w kernel.perf_event_paranoid=2` on the host, and in a "
      "container use a seccomp profile that allows perf_event_open; many virtual machines have none.");
}

}  // namespace

std::size_t usable_processors(const machine_topology& machine) {
  std::size_t out = 0;
  for (const auto& node : machine.nodes) out += node.cpus.size();
  return out;
}

findings judge_processors(const processor_report& facts) {
  return {judge_allowed(facts), judge_quota(facts.plan.topology), judge_pinning(facts),
          judge_placement(facts.plan), judge_remote_access(facts)};
}

}  // namespace graphite::doctor
