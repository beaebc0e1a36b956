#pragma once

#include <optional>

#include "cli/doctor/finding.hpp"

namespace graphite::doctor {

struct watch_report {
  // The kernel's limits, for each user; none: cannot be read.
  std::optional<std::uint64_t> watches_max{}, instances_max{}, queued_max{};
  /// What other programs of this user hold, as far as /proc shows it; GRAPHITE's own are left out.
  std::uint64_t watches_used = 0, instances_used = 0;
  std::string instance_refused{};                  ///< why no instance could be made now; empty: one could
  std::string watch_refused{};                     ///< the same of a watch
  std::optional<std::uint64_t> project_folders{};  ///< none: no project
};

/// What is advised for so many watches: with room to grow. A power of two. Pure.
std::uint64_t advised_watches(std::uint64_t needed);

/// `inotify_watches`, `inotify_instances`, `inotify_queue`. Pure.
findings judge_watches(const watch_report& facts);

}  // namespace graphite::doctor
