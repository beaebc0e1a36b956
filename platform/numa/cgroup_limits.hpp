#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"

namespace graphite {

/// What this process's control groups, v1 or v2, leave it of the machine.
struct cgroup_facts {
  std::optional<double>
      cpu_quota{};             ///< processors' worth of time: the least that it or a visible ancestor has
  std::string quota_reason{};  ///< whose it is, or why it is taken as unlimited
  std::optional<std::vector<int>> cpus{};          ///< of the cpuset; none: no cpuset can be seen
  std::optional<std::vector<int>> memory_nodes{};  ///< the same
  bool exclusive = false;                          ///< the cpuset keeps others off its processors
  std::string exclusive_reason{};                  ///< how, or why not
  bool unbalanced = false;                         ///< an isolated partition: threads are not moved there
};

/// What cpu.max says: "QUOTA PERIOD" in microseconds, or "max PERIOD". None: unlimited. Pure.
/// Errors: invalid_argument.
result<std::optional<double>> parse_cpu_max(std::string_view text);

/// The same of v1's cpu.cfs_quota_us (-1: unlimited) and cpu.cfs_period_us. Pure.
result<std::optional<double>> parse_cfs_quota(std::string_view quota_us, std::string_view period_us);

/// Reads below `root`, which stands before /proc/self/cgroup, /proc/self/mountinfo and the mounted folders.
/// What cannot be read or understood limits nothing; the reasons say so. Some tens of microseconds a level.
cgroup_facts read_cgroup_facts(const std::string& root = "");

/// Whose the processors are, as far as it is known.
struct processor_facts {
  std::vector<int> allowed{};   ///< this process may use these
  std::vector<int> online{};    ///< of the machine
  std::vector<int> isolated{};  ///< taken off the scheduler by the kernel's command line
  cgroup_facts cgroup{};
};

struct exclusiveness {
  bool exclusive = false;
  std::string reason{};
  bool unbalanced = false;  ///< the kernel does not move threads among these processors
};

/// Whether nobody else is scheduled on the allowed processors: the cpuset says so, or they are isolated. As
/// many processors as the quota are a hint only, which the reason gives. Pure.
exclusiveness judge_exclusiveness(const processor_facts& facts);

}  // namespace graphite
