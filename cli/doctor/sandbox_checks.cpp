#include "cli/doctor/sandbox_checks.hpp"

#include <fmt/format.h>

namespace graphite::doctor {

namespace {

finding judge_seccomp(const sandbox_report& facts) {
  if (!facts.seccomp_mode)
    return note("seccomp", "/proc/self/status does not tell", "Mount /proc where a chroot has none.");
  if (*facts.seccomp_mode == 0) return ok("seccomp", "no filter of system calls from outside");
  const std::string found = "a filter of system calls is in force, as containers have";
  if (facts.denied.empty()) return ok("seccomp", found + "; it denies nothing that is wanted");
  return note("seccomp", fmt::format("{}; denied: {}", found, listed(facts.denied)),
              "`docker run --security-opt seccomp=PROFILE.json` with a profile that allows these, "
              "`seccompProfile` of type Localhost in Kubernetes; each check names its calls.");
}

finding judge_user_namespaces(const sandbox_report& facts) {
  if (facts.user_namespaces_refused.empty()) return ok("user_namespaces", "can be made");
  return note("user_namespaces",
              fmt::format("cannot be made: {}; only tools with a sandbox of their own (bwrap) want them",
                          facts.user_namespaces_refused),
              "On the host `sysctl -w kernel.unprivileged_userns_clone=1` (Debian) and "
              "`user.max_user_namespaces` above 0; in a container a seccomp profile that allows unshare and "
              "clone with CLONE_NEWUSER.");
}

finding judge_landlock(const sandbox_report& facts) {
  if (facts.landlock_abi) return ok("landlock", fmt::format("ABI {}", *facts.landlock_abi));
  return note(
      "landlock", fmt::format("not to be had: {}; the workers' sandbox does without", facts.landlock_refused),
      "Boot with `landlock` in the `lsm=` list of the kernel's command line (Linux 5.13 or newer); in "
      "a container use a seccomp profile that allows landlock_create_ruleset.");
}

finding judge_workers(const sandbox_report& facts) {
  if (facts.workers_refused.empty())
    return ok("worker_sandbox", "workers can be shut in by a filter of system calls");
  return bad("worker_sandbox",
             "workers cannot be shut in, so built-in transforms do not run: " + facts.workers_refused,
             "Use a kernel with CONFIG_SECCOMP_FILTER, and in a container a profile that allows seccomp and "
             "prctl: Docker's default one does.");
}

}  // namespace

findings judge_sandbox(const sandbox_report& facts) {
  return {judge_seccomp(facts),
          ok("no_new_privs", facts.no_new_privs ? "set: tools gain no rights by setuid" : "not set"),
          judge_user_namespaces(facts), judge_landlock(facts), judge_workers(facts)};
}

}  // namespace graphite::doctor
