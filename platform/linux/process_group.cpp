#include "platform/linux/process_group.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <memory>
#include <string_view>

#include "platform/linux/owned_fd.hpp"

namespace graphite {

namespace {

/// Reads state and group from /proc/PID/stat: they follow the last `)`, names may hold anything.
bool is_living_member(int proc, const char* pid, pid_t group) {
  const auto name = fmt::format("{}/stat", pid);
  const owned_fd file(::openat(proc, name.c_str(), O_RDONLY | O_CLOEXEC));
  char text[512];
  const auto size = file ? ::read(file.get(), text, sizeof text - 1) : -1;
  if (size <= 0) return false;  // it has just gone
  text[size] = 0;
  const auto close = std::string_view(text).rfind(')');
  char state = 0;
  int parent = 0, its_group = 0;
  if (close == std::string_view::npos) return false;
  if (std::sscanf(text + close + 1, " %c %d %d", &state, &parent, &its_group) != 3) return false;
  return its_group == group && state != 'Z' && state != 'X';
}

}  // namespace

bool group_has_living(pid_t group) {
  if (::kill(-group, 0) != 0 && errno == ESRCH) return false;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), &::closedir);
  if (!proc) return true;
  while (const dirent* const entry = ::readdir(proc.get())) {
    const bool is_process = entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
    if (is_process && is_living_member(::dirfd(proc.get()), entry->d_name, group)) return true;
  }
  return false;
}

result<void> await_group_end(pid_t group, duration limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (auto pause = microseconds(100); group_has_living(group);
       pause = std::min(2 * pause, microseconds(10'000))) {
    if (std::chrono::steady_clock::now() >= deadline)
      return fail(errc::io, fmt::format("processes of group {} do not end although killed", group));
    const timespec rest{0, static_cast<long>(pause.count() * 1000)};
    ::nanosleep(&rest, nullptr);
  }
  while (::waitpid(-group, nullptr, WNOHANG) > 0) {  // where orphans are given to us
  }
  return {};
}

}  // namespace graphite
