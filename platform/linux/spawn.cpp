#include "platform/linux/spawn.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace graphite {

namespace {

/// Written by the child in the parent's memory.
struct child_failure {
  const char* volatile step = nullptr;
  volatile int error = 0;
};

void default_signals() {
  struct sigaction by_default {};
  by_default.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &by_default, nullptr);
}

void limit(decltype(RLIMIT_CORE) what, rlim_t value) {
  const rlimit both{value, value};
  ::setrlimit(what, &both);  // a lower hard limit of the caller stays in force
}

/// Only system calls from here to the exec: the memory is the parent's.
const char* become(const spawn_request& request, pid_t parent) {
  if (::setpgid(0, 0) != 0) return "setpgid";
  if (request.group_slot) request.group_slot->store(static_cast<pid_t>(::syscall(SYS_getpid)));
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (static_cast<pid_t>(::syscall(SYS_getppid)) != parent) ::_exit(127);  // it died before the prctl
  default_signals();
  if (::dup2(request.in, 0) < 0 || ::dup2(request.out, 1) < 0 || ::dup2(request.err, 2) < 0) return "dup2";
  for (int i = 0; i < request.others_count; ++i)
    if (::dup2(request.others[i], 3 + i) < 0) return "dup2";
  const auto first_closed = static_cast<unsigned>(3 + request.others_count);
  ::syscall(SYS_close_range, first_closed, ~0u, 0u);   // where it is missing O_CLOEXEC has to do
  if (request.nice != 0) (void)!::nice(request.nice);  // than the service, however nice that is
  limit(RLIMIT_CORE, 0);
  if (request.memory_bytes_max != 0) limit(RLIMIT_DATA, request.memory_bytes_max);
  if (request.file_bytes_max != 0) limit(RLIMIT_FSIZE, request.file_bytes_max);
  if (::chdir(request.working_folder) != 0) return "chdir";
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(request.program, request.argv, request.environment);
  return "execve";
}

[[gnu::noinline]] pid_t vfork_and_become(const spawn_request& request, child_failure& failure) {
  const pid_t parent = static_cast<pid_t>(::syscall(SYS_getpid));
  const pid_t pid = ::vfork();
  if (pid == 0) {
    failure.step = become(request, parent);
    failure.error = errno;
    ::_exit(127);
  }
  return pid;
}

tl::unexpected<error> exec_failure(const spawn_request& request, const child_failure& failure) {
  const int number = failure.error;
  if (number == ENOEXEC)
    return fail(errc::invalid_argument,
                fmt::format("{} is no program: a script needs a first line like #!/bin/sh", request.program));
  if (number == ENOENT && std::string_view(failure.step) == "execve")
    return fail(errc::not_found, fmt::format("the interpreter of {} does not exist", request.program));
  return fail_errno(number,
                    fmt::format("{} {} in {}", failure.step, request.program, request.working_folder));
}

}  // namespace

result<spawned_process> spawn(const spawn_request& request) {
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);  // no handler may run in the child on our memory
  child_failure failure;
  const pid_t pid = vfork_and_become(request, failure);
  const int vfork_errno = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return fail_errno(vfork_errno, "vfork");
  if (failure.step) {
    ::waitpid(pid, nullptr, 0);
    return exec_failure(request, failure);
  }
  spawned_process out{pid, owned_fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0u)))};
  if (out.handle) return out;
  const int pidfd_errno = errno;
  ::kill(-pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  return fail_errno(pidfd_errno, "pidfd_open");
}

}  // namespace graphite
