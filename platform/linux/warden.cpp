#include "platform/linux/warden.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>

#include "core/error.hpp"

namespace graphite {

namespace {

void close_all_from(unsigned first) {
  if (::syscall(SYS_close_range, first, ~0u, 0u) == 0) return;
  for (unsigned fd = first; fd < 65'536; ++fd) ::close(static_cast<int>(fd));
}

/// Signals to the terminal's group or to all of a service must not take the guard away first.
void ignore_polite_signals() {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) ::signal(number, SIG_IGN);
}

}  // namespace

group_warden::group_warden(std::size_t groups_max, bool guard)
    : count_(std::max<std::size_t>(groups_max, 1)) {
  void* const memory = ::mmap(nullptr, count_ * sizeof(std::atomic<pid_t>), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  table_ = static_cast<std::atomic<pid_t>*>(memory);
  for (std::size_t i = groups_max; i-- > 0;) free_.push_back(new (&table_[i]) std::atomic<pid_t>(0));
  int ends[2];
  if (!guard || ::pipe2(ends, O_CLOEXEC) != 0) return;
  owned_fd reader(ends[0]);
  life_.reset(ends[1]);
  helper_ = ::fork();
  if (helper_ == 0) watch(reader.get());
}

group_warden::~group_warden() {
  life_.reset();
  while (helper_ > 0 && ::waitpid(helper_, nullptr, 0) < 0 && errno == EINTR) {
  }
  ::munmap(table_, count_ * sizeof(std::atomic<pid_t>));
}

void group_warden::watch(int pipe_end) const {
  ::setsid();
  ignore_polite_signals();
  ::prctl(PR_SET_NAME, "graphite-warden");
  if (::chdir("/") != 0 || ::dup2(pipe_end, 0) != 0) ::_exit(1);
  close_all_from(1);
  char byte;
  while (::read(0, &byte, 1) < 0 && errno == EINTR) {
  }
  for (std::size_t i = 0; i < count_; ++i)
    if (const pid_t group = table_[i].load(); group > 0) ::kill(-group, SIGKILL);
  ::_exit(0);
}

std::atomic<pid_t>* group_warden::take() {
  const std::lock_guard lock(mutex_);
  if (free_.empty()) return nullptr;
  auto* const out = free_.back();
  free_.pop_back();
  return out;
}

void group_warden::give_back(std::atomic<pid_t>* slot) {
  slot->store(0);
  const std::lock_guard lock(mutex_);
  free_.push_back(slot);
}

}  // namespace graphite
