#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <functional>
#include <iterator>

/// \file Children that the kernel refuses something: what is refused once stays so.

namespace graphite::test {

/// Runs `check` in a child process, where limits and filters may be set; true where it returned true. One
/// that hangs is ended.
inline bool in_child(const std::function<bool()>& check) {
  const ::pid_t child = ::fork();
  if (child == 0) {
    ::alarm(100);
    ::_exit(check() ? 0 : 1);
  }
  int status = -1;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

template <std::size_t Size>
bool filter_calls(::sock_filter (&code)[Size]) {
  const ::sock_fprog program{Size, code};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/// From now on this process gets `error` for the system call.
inline bool forbid(long call, int error) {
  ::sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(::seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  return filter_calls(code);
}

/// The same where the call's second argument is this, on a little-endian machine.
inline bool forbid_with_second(long call, unsigned second, int error) {
  ::sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(::seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(::seccomp_data, args) + sizeof(std::uint64_t)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, second, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  return filter_calls(code);
}

/// The hard limit, too: no way back.
inline bool limit_to(int resource, ::rlim_t most) {
  const ::rlimit both{most, most};
  return ::setrlimit(static_cast<__rlimit_resource>(resource), &both) == 0;
}

/// Root's locked memory is not counted; nobody's is. True where this is nobody special already.
inline bool be_nobody() { return ::geteuid() != 0 || ::setresuid(65534, 65534, 65534) == 0; }

}  // namespace graphite::test
