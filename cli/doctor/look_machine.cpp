#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "cli/doctor/look.hpp"
#include "core/cpu_list.hpp"

namespace graphite::doctor {

namespace {

std::vector<int> cpu_list_in(const std::string& path) {
  return parse_cpu_list(kernel_text(path)).value_or(std::vector<int>{});
}

std::vector<std::string> words_in(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> out;
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

}  // namespace

processor_report look_at_processors(pin_mode pinning) {
  remote_access_meter meter;
  meter.start();
  processor_report out{.plan = make_machine_plan(pinning, 0), .pinning = pinning};
  out.remote = meter.read();
  out.sysfs = !kernel_text("/sys/devices/system/cpu/online").empty();
  return out;
}

std::vector<processor_place> look_at_processor_places() {
  const std::string root = "/sys/devices/system";
  std::vector<processor_place> out;
  for (const int node : cpu_list_in(root + "/node/online"))
    for (const int cpu : cpu_list_in(fmt::format("{}/node/node{}/cpulist", root, node))) {
      const auto folder = fmt::format("{}/cpu/cpu{}/topology", root, cpu);
      const auto siblings = cpu_list_in(folder + "/thread_siblings_list");
      const auto package = kernel_number(folder + "/physical_package_id");
      out.push_back({cpu, static_cast<unsigned>(node), siblings.empty() ? cpu : siblings.front(),
                     static_cast<int>(package.value_or(0))});
    }
  return out;
}

memory_report look_at_memory(std::size_t threads) {
  return {read_memory_facts(),
          look_at_group(
              {"memory", "memory.max", "memory.current", "memory.limit_in_bytes", "memory.usage_in_bytes"}),
          threads};
}

limit_report look_at_limits() {
  limit_report out;
  out.open_files = look_at_limit(RLIMIT_NOFILE);
  out.processes = look_at_limit(RLIMIT_NPROC);
  out.core = look_at_limit(RLIMIT_CORE);
  out.tasks = look_at_group({"pids", "pids.max", "pids.current", "pids.max", "pids.current"});
  constexpr unsigned sys_admin = 21, sys_resource = 24;
  out.processes_unlimited =
      (::geteuid() == 0 && has_machine_users()) || has_capability(sys_admin) || has_capability(sys_resource);
  out.core_pattern = kernel_text("/proc/sys/kernel/core_pattern");
  return out;
}

clock_report look_at_clocks() {
  const std::string folder = "/sys/devices/system/clocksource/clocksource0/";
  clock_report out;
  out.source = kernel_text(folder + "current_clocksource");
  out.available = words_in(kernel_text(folder + "available_clocksource"));
  ::timespec resolution{};
  ::clock_getres(CLOCK_MONOTONIC, &resolution);
  out.resolution = std::chrono::seconds(resolution.tv_sec) + std::chrono::nanoseconds(resolution.tv_nsec);
  ::timex clock{};
  if (const int state = ::adjtimex(&clock); state >= 0) {
    out.synchronised = state != TIME_ERROR && (clock.status & STA_UNSYNC) == 0;
    out.error_max = std::chrono::microseconds(clock.maxerror);
  }
  return out;
}

}  // namespace graphite::doctor
