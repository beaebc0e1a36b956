#include "cli/doctor/async_io_checks.hpp"

#include <fmt/format.h>

#include "platform/linux/uring_kernel.hpp"

namespace graphite::doctor {

namespace {

std::string advice_for_uring(const async_io_report& facts) {
  if (facts.disabled == 2) return "`sysctl -w kernel.io_uring_disabled=0` as root on the host.";
  if (facts.disabled == 1)
    return "`sysctl -w kernel.io_uring_disabled=0` as root on the host, or put this user's group into "
           "`kernel.io_uring_group`.";
  if (facts.filtered)
    return "Allow io_uring_setup, io_uring_enter and io_uring_register: `docker run --security-opt "
           "seccomp=PROFILE.json`, `seccompProfile` of type Localhost in Kubernetes.";
  return fmt::format(
      "Use {} or newer with CONFIG_IO_URING, and raise `ulimit -n` and `ulimit -l` where these are the "
      "reason.",
      uring_kernel_text());
}

finding judge_uring(const async_io_report& facts) {
  if (facts.refused.empty()) return ok("io_uring", "works");
  return note("io_uring",
              facts.refused + "; asynchronous I/O of the C API is by threads, with the same results",
              advice_for_uring(facts));
}

finding judge_locked_memory(const async_io_report& facts) {
  const auto& most = facts.locked.soft;
  const auto limit = facts.lock_any ? "unlimited by CAP_IPC_LOCK" : most ? text_of_bytes(*most) : "unlimited";
  if (!facts.refused.empty()) return ok("locked_memory", limit + "; not needed without io_uring");
  if (facts.announce_refused.empty())
    return ok("locked_memory", fmt::format("{}; buffers of {} can be announced to io_uring", limit,
                                           text_of_bytes(facts.announced_bytes)));
  return note("locked_memory",
              fmt::format("{}; with {} {}: they are looked up each time", limit,
                          text_of_bytes(facts.announced_bytes), facts.announce_refused),
              "`ulimit -l 65536`, `memlock` in /etc/security/limits.conf, `LimitMEMLOCK=64M` of a systemd "
              "unit, `docker run --ulimit memlock=67108864:67108864`.");
}

}  // namespace

findings judge_async_io(const async_io_report& facts) {
  return {judge_uring(facts), judge_locked_memory(facts)};
}

}  // namespace graphite::doctor
