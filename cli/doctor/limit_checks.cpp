#include "cli/doctor/limit_checks.hpp"

#include <fmt/format.h>

namespace graphite::doctor {

namespace {

constexpr std::uint64_t files_least = 320, files_enough = 4096;
constexpr std::uint64_t tasks_enough = 256;

/// The hard limit counts: a service raises the soft one to it by itself.
finding judge_open_files(const resource_limit& limit) {
  const auto found =
      fmt::format("{}, can be raised to {}", text_of_limit(limit.soft), text_of_limit(limit.hard));
  const char* const advice =
      "Raise the hard limit: `ulimit -Hn 65536` as root, `hard nofile` in /etc/security/limits.conf, "
      "`LimitNOFILE=` of a systemd unit, `docker run --ulimit nofile=65536:65536`.";
  if (!limit.hard || *limit.hard >= files_enough) return ok("open_files", found);
  if (*limit.hard < files_least) return bad("open_files", found + ": a service cannot start", advice);
  return warning("open_files", found + ": few subscribers and large projects do not fit", advice);
}

finding judge_processes(const limit_report& facts) {
  const bool held = !facts.processes_unlimited;
  auto found = fmt::format("ulimit {}{}; control group {}", text_of_limit(facts.processes.soft),
                           held ? "" : " (not applied to this user)", text_of_limit(facts.tasks.most));
  if (facts.tasks.most) found += fmt::format(", {} in use", facts.tasks.used);
  if (held && facts.processes.soft && *facts.processes.soft < tasks_enough)
    return warning("processes", found + ": threads of all programs of this user count",
                   "`ulimit -u 4096`, `nproc` in /etc/security/limits.conf, `LimitNPROC=` of a systemd "
                   "unit, `docker run --ulimit nproc=4096:4096`.");
  if (facts.tasks.most && *facts.tasks.most < facts.tasks.used + tasks_enough)
    return warning("processes", found,
                   "`docker run --pids-limit 4096`, `podPidsLimit` of the kubelet, `TasksMax=` of a systemd "
                   "unit.");
  return ok("processes", found);
}

finding judge_core(const limit_report& facts) {
  const auto& most = facts.core.soft;
  if (most && *most == 0) return ok("core_files", "none are written (ulimit -c)");
  return ok("core_files", fmt::format("up to {}{}{}", most ? text_of_bytes(*most) : "any size",
                                      facts.core_pattern.empty() ? "" : ", as ", facts.core_pattern));
}

}  // namespace

std::string text_of_limit(const std::optional<std::uint64_t>& limit) {
  return limit ? std::to_string(*limit) : "unlimited";
}

findings judge_limits(const limit_report& facts) {
  return {judge_open_files(facts.open_files), judge_processes(facts), judge_core(facts)};
}

}  // namespace graphite::doctor
