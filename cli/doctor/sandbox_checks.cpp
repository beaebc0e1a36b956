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
  return note(
      "user_namespaces",
      fmt::format("cannot be made: {}; the sandbox of commands wants them", facts.user_namespaces_refused),
      "On the host `sysctl -w kernel.unprivileged_userns_clone=1` (Debian) and "
      "`user.max_user_namespaces` above 0; in a container a seccomp profile that allows unshare and "
      "clone with CLONE_NEWUSER.");
}

finding judge_landlock(const sandbox_report& facts) {
  if (facts.landlock_abi) return ok("landlock", fmt::format("ABI {}", *facts.landlock_abi));
  return note(
      "landlock",
      fmt::format("not to be had: {}; the sandbox of commands wants it where namespaces cannot be made",
                  facts.landlock_refused),
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

/// Of each tier whether it works, and why not.
std::string told(const std::vector<sandbox_offer>& offers) {
  std::string out;
  for (const auto& one : offers)
    out += fmt::format("{}{} {}", out.empty() ? "" : "; ", to_string(one.tier),
                       one.refused.empty() ? "works" : "does not: " + one.refused);
  return out;
}

finding judge_commands(const sandbox_report& facts) {
  const auto chosen = choose_sandbox(sandbox_mode::best, facts.commands);
  const auto tier = chosen ? chosen->tier : sandbox_tier::none;
  const auto found = fmt::format("commands run in the tier '{}' ({})", to_string(tier), told(facts.commands));
  if (has_namespaces(tier)) return ok("command_sandbox", found);
  const std::string advice =
      "Let users make namespaces (see `user_namespaces`), or install bubblewrap; in a container /proc must "
      "not be "
      "masked, too (`docker run --security-opt systempaths=unconfined`). docs/sandbox.md says what each tier "
      "stops.";
  return hides_files(tier) ? note("command_sandbox", found, advice)
                           : warning("command_sandbox", found, advice);
}

}  // namespace

findings judge_sandbox(const sandbox_report& facts) {
  return {judge_seccomp(facts),
          ok("no_new_privs", facts.no_new_privs ? "set: tools gain no rights by setuid" : "not set"),
          judge_user_namespaces(facts),
          judge_landlock(facts),
          judge_workers(facts),
          judge_commands(facts)};
}

}  // namespace graphite::doctor
