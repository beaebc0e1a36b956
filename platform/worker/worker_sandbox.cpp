#include "platform/worker/worker_sandbox.hpp"

#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "core/units.hpp"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define GRAPHITE_SANITIZED 1
#else
#define GRAPHITE_SANITIZED 0
#endif

namespace graphite {

namespace {

constexpr rlim_t stack_bytes_max = 8 * MiB;

struct release_filter {
  void operator()(void* filter) const { ::seccomp_release(filter); }
};

/// Calls that a decoder may make with whatever arguments: none gives it anything that it has not got.
constexpr std::array allowed_calls{SCMP_SYS(sendmsg),        SCMP_SYS(recvmsg),
                                   SCMP_SYS(write),          SCMP_SYS(writev),
                                   SCMP_SYS(munmap),         SCMP_SYS(mremap),
                                   SCMP_SYS(madvise),        SCMP_SYS(brk),
                                   SCMP_SYS(futex),          SCMP_SYS(exit),
                                   SCMP_SYS(exit_group),     SCMP_SYS(rt_sigreturn),
                                   SCMP_SYS(rt_sigaction),   SCMP_SYS(sigaltstack),
                                   SCMP_SYS(rt_sigprocmask), SCMP_SYS(clock_gettime),
                                   SCMP_SYS(gettimeofday),   SCMP_SYS(getrusage),
                                   SCMP_SYS(getpid),         SCMP_SYS(gettid),
                                   SCMP_SYS(sched_yield),    SCMP_SYS(restart_syscall),
                                   SCMP_SYS(close)};

/// Memory that is not executable, and that the limit counts: neither shared memory nor a stack.
int allow_mapping(scmp_filter_ctx filter) {
  return ::seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
                            SCMP_CMP(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                            SCMP_CMP(3, SCMP_CMP_MASKED_EQ, MAP_TYPE | MAP_GROWSDOWN, MAP_PRIVATE));
}

int allow_protection(scmp_filter_ctx filter) {
  return ::seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                            SCMP_CMP(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

result<void> install_filter() {
  const std::unique_ptr<void, release_filter> filter(::seccomp_init(SCMP_ACT_ERRNO(EPERM)));
  if (!filter) return fail(errc::unsupported, "no system call filter can be made");
  int code = ::seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1);  // of every thread
  for (const auto call : allowed_calls)
    if (code == 0) code = ::seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0);
  if (code == 0) code = allow_mapping(filter.get());
  if (code == 0) code = allow_protection(filter.get());
  if (code == 0) code = ::seccomp_load(filter.get());
  if (code != 0)
    return fail(errc::unsupported,
                errno_error(-code, "this kernel or container allows no system call filter").context);
  return {};
}

void limit(__rlimit_resource what, rlim_t value) {
  rlimit now{};
  if (::getrlimit(what, &now) == 0) value = std::min(value, now.rlim_max);
  const rlimit both{value, value};
  ::setrlimit(what, &both);
}

}  // namespace

bool sanitized_build() { return GRAPHITE_SANITIZED; }

result<void> enter_worker_sandbox() {
  limit(RLIMIT_CORE, 0);
  if (!sanitized_build()) limit(RLIMIT_NOFILE, 0);  // a sanitizer asks through a pipe what can be read
  limit(RLIMIT_FSIZE, 0);
  limit(RLIMIT_STACK, stack_bytes_max);  // the memory limit does not count it
  if (::prctl(PR_SET_DUMPABLE, 0) != 0) return fail_errno(errno, "cannot forbid dumps");
  // A sanitizer's report reads what a filter would hide.
  return sanitized_build() ? result<void>() : install_filter();
}

result<void> limit_worker_memory(int process, std::uint64_t bytes) {
  if (sanitized_build()) return {};
  rlimit now{};
  bool done = ::prlimit(process, RLIMIT_DATA, nullptr, &now) == 0;
  if (done) {  // who may not raise the hard limit keeps it
    now.rlim_cur = std::min<rlim_t>(bytes == 0 ? RLIM_INFINITY : bytes, now.rlim_max);
    done = ::prlimit(process, RLIMIT_DATA, &now, nullptr) == 0;
  }
  if (done) return {};
  if (errno == ESRCH) return fail(errc::unavailable, "the worker is gone");
  return fail_errno(errno, "cannot limit a worker's memory");
}

}  // namespace graphite
