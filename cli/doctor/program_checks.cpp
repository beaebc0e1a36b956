#include "cli/doctor/program_checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "platform/linux/uring_kernel.hpp"

namespace graphite::doctor {

namespace {

finding judge_kernel(const program_report& facts) {
  const auto found = fmt::format("Linux {} on {}", facts.kernel, facts.architecture);
  const auto version = kernel_version(facts.kernel);
  if (version >= std::pair{5, 14}) return ok("kernel", found);
  return note(
      "kernel",
      found + (version < uring_kernel_least ? ": no io_uring that is of use, no pools of huge pages used"
                                            : ": pools of huge pages are not used"),
      "Linux 5.14 or newer has all that is used; Debian 12 comes with 6.1.");
}

finding judge_simd(const program_report& facts) {
  const std::string best = facts.simd.empty() ? "scalar" : facts.simd.back();
  if (facts.forced_simd)
    return note("simd", fmt::format("{} by GRAPHITE_SIMD; the best here is {}", *facts.forced_simd, best),
                "Unset GRAPHITE_SIMD to have the best; results are the same.");
  const bool wide = std::find(facts.simd.begin(), facts.simd.end(), "avx2") != facts.simd.end();
  if (facts.architecture != "x86_64" || wide) return ok("simd", best);
  return note(
      "simd", best + ": this processor shows no AVX2",
      "In a virtual machine pass the host's processor through: `-cpu host` of QEMU, `host-passthrough` "
      "of libvirt; other processors have none.");
}

finding judge_worker(const program_report& facts) {
  if (!facts.worker_there)
    return bad("worker_program", facts.worker + " is not there or may not be run",
               "Install it beside `graphite`, or let GRAPHITE_WORKER name it.");
  if (!facts.worker_refused.empty())
    return bad(
        "worker_program", fmt::format("{} does not work: {}", facts.worker, facts.worker_refused),
        fmt::format("Install graphite, graphite-engine and graphite-worker of one version ({}), and run "
                    "`{} --libraries` to see what it lacks.",
                    facts.version, facts.worker));
  return ok("worker_program", facts.worker + " has run a task");
}

}  // namespace

std::pair<int, int> kernel_version(const std::string& release) {
  int major = 0, minor = 0;
  if (std::sscanf(release.c_str(), "%d.%d", &major, &minor) != 2) return {0, 0};
  return {major, minor};
}

findings judge_programs(const program_report& facts) {
  return {judge_kernel(facts), judge_simd(facts), judge_worker(facts)};
}

}  // namespace graphite::doctor
