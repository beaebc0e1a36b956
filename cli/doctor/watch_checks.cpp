#include "cli/doctor/watch_checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

namespace graphite::doctor {

namespace {

constexpr std::uint64_t watches_enough = 65'536, watches_advised = 524'288;
constexpr std::uint64_t instances_enough = 64, queue_enough = 16'384;

/// Limits of the host are not a container's to set.
std::string sysctl(std::string_view name, std::uint64_t value) {
  return fmt::format(
      "`sysctl -w fs.inotify.{}={}` as root, on the host of a container, and in /etc/sysctl.d to keep it.",
      name, value);
}

finding judge_watch_count(const watch_report& facts) {
  if (!facts.watches_max)
    return note("inotify_watches", "the limit cannot be read", "Mount /proc where a chroot has none.");
  const auto wanted = facts.project_folders.value_or(0);
  auto found = fmt::format("{} a user, {} held by other programs", *facts.watches_max, facts.watches_used);
  if (facts.project_folders) found += fmt::format(", {} folders to watch", wanted);
  const auto advice = sysctl("max_user_watches", advised_watches(facts.watches_used + wanted));
  if (!facts.watch_refused.empty())
    return warning(
        "inotify_watches",
        fmt::format("{}: none can be made, so the project is polled: {}", found, facts.watch_refused),
        advice);
  if (facts.watches_used + wanted > *facts.watches_max)
    return warning("inotify_watches", found + ": too few, so the project is polled", advice);
  if (!facts.project_folders && *facts.watches_max < watches_enough)
    return note("inotify_watches", found + ": too few for large projects", advice);
  return ok("inotify_watches", found);
}

finding judge_instances(const watch_report& facts) {
  if (!facts.instances_max)
    return note("inotify_instances", "the limit cannot be read", "Mount /proc where a chroot has none.");
  const auto found =
      fmt::format("{} a user, {} held by other programs", *facts.instances_max, facts.instances_used);
  const auto advice = sysctl("max_user_instances", 1024);
  if (!facts.instance_refused.empty())
    return warning(
        "inotify_instances",
        fmt::format("{}: none can be made, so projects are polled: {}", found, facts.instance_refused),
        advice);
  if (*facts.instances_max < instances_enough)
    return note("inotify_instances", found + ": editors and desktops need many", advice);
  return ok("inotify_instances", found);
}

finding judge_queue(const watch_report& facts) {
  if (!facts.queued_max)
    return note("inotify_queue", "the limit cannot be read", "Mount /proc where a chroot has none.");
  const auto found = counted(*facts.queued_max, "event");
  if (*facts.queued_max >= queue_enough) return ok("inotify_queue", found);
  return note("inotify_queue", found + ": a large change overflows it and the whole tree is looked through",
              sysctl("max_queued_events", queue_enough));
}

}  // namespace

std::uint64_t advised_watches(std::uint64_t needed) {
  return std::max(watches_advised, std::bit_ceil(2 * needed));
}

findings judge_watches(const watch_report& facts) {
  return {judge_watch_count(facts), judge_instances(facts), judge_queue(facts)};
}

}  // namespace graphite::doctor
