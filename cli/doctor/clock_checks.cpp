#include "cli/doctor/clock_checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace graphite::doctor {

namespace {

constexpr std::array<std::string_view, 5> slow_sources{"hpet", "acpi_pm", "jiffies", "refined-jiffies",
                                                       "pit"};
constexpr std::chrono::nanoseconds resolution_enough{1000};

finding judge_source(const clock_report& facts) {
  if (facts.source.empty())
    return note("clock_source", "/sys does not tell", "Mount /sys where a chroot or container has none.");
  if (std::find(slow_sources.begin(), slow_sources.end(), facts.source) == slow_sources.end())
    return ok("clock_source", facts.source);
  const std::string found = facts.source + ": each look at the clock is a system call and slow";
  for (const std::string_view fast : {"tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter"})
    if (std::find(facts.available.begin(), facts.available.end(), fast) != facts.available.end())
      return warning(
          "clock_source", found,
          fmt::format("`echo {} > /sys/devices/system/clocksource/clocksource0/current_clocksource` "
                      "as root on the host, and `clocksource={}` on the kernel's command line.",
                      fast, fast));
  return warning(
      "clock_source", found,
      "See `dmesg | grep -i tsc` for why the kernel gave the TSC up; where the machine's is constant, "
      "`tsc=reliable` on the kernel's command line keeps it.");
}

finding judge_resolution(const clock_report& facts) {
  const auto found = fmt::format("{} ns", facts.resolution.count());
  if (facts.resolution <= resolution_enough) return ok("clock_resolution", found);
  return warning("clock_resolution", found + ": waits take until the next tick",
                 "Boot without `highres=off` and `nohz=off`, with a kernel that has CONFIG_HIGH_RES_TIMERS.");
}

finding judge_synchronised(const clock_report& facts) {
  if (!facts.synchronised)
    return note("clock_synchronised", "adjtimex is refused: it cannot be told",
                "Look on the host: `timedatectl` or `chronyc tracking`.");
  if (*facts.synchronised)
    return ok("clock_synchronised",
              fmt::format("yes, within {:.0f} ms", static_cast<double>(facts.error_max.count()) / 1000));
  return note("clock_synchronised", "no: times of several machines cannot be compared",
              "`apt install systemd-timesyncd` or `chrony`, on the host of a container or virtual machine.");
}

}  // namespace

findings judge_clocks(const clock_report& facts) {
  return {judge_source(facts), judge_resolution(facts), judge_synchronised(facts)};
}

}  // namespace graphite::doctor
