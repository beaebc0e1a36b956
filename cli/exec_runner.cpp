#include "cli/exec_runner.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include "platform/linux/process_group.hpp"
#include "platform/linux/thread_name.hpp"
#include "platform/linux/thread_turns.hpp"

namespace graphite {

static constexpr duration end_grace = seconds(2);  // between SIGTERM and SIGKILL

exec_runner::exec_runner(std::string command)
    : command_(std::move(command)), thread_([this] {
        name_thread("exec-runner");
        take_usual_turns();
        run();
      }) {}

exec_runner::~exec_runner() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (child_ > 0) {
      ::kill(-child_, SIGTERM);
      if (!await_group_end(child_, end_grace)) ::kill(-child_, SIGKILL);
    }
  }
  changed_.notify_one();
  thread_.join();
}

void exec_runner::notify(environment newest) {
  {
    const std::lock_guard lock(mutex_);
    pending_ = std::move(newest);
  }
  changed_.notify_one();
}

void exec_runner::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stopping_ || pending_; });
    if (stopping_) return;
    const environment extra = std::move(*pending_);
    pending_.reset();
    lock.unlock();
    if (const int status = run_once(extra); status != 0)
      fmt::print(stderr, "graphite: --exec ended with {}\n", status);
    lock.lock();
  }
}

static std::vector<std::string> merged_environment(const exec_runner::environment& extra) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry; ++entry) out.emplace_back(*entry);
  for (const auto& [name, value] : extra) out.push_back(name + "=" + value);
  return out;
}

int exec_runner::run_once(const environment& extra) {
  std::vector<std::string> texts = merged_environment(extra);
  std::vector<char*> env;
  for (auto& text : texts) env.push_back(text.data());
  env.push_back(nullptr);
  std::string shell = "/bin/sh", flag = "-c", command = command_;
  char* const argv[] = {shell.data(), flag.data(), command.data(), nullptr};

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t all;
  sigfillset(&all);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
  pid_t child = 0;
  int failed = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) failed = posix_spawn(&child, shell.c_str(), &actions, &attributes, argv, env.data());
    child_ = failed == 0 ? child : 0;
  }
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (child == 0) return failed;
  siginfo_t end{};
  // Not reaped before the lock is held: until then the number of its group can be nobody else's.
  while (::waitid(P_PID, static_cast<id_t>(child), &end, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
  }
  const std::lock_guard lock(mutex_);
  ::waitpid(child, nullptr, 0);
  child_ = 0;
  return end.si_code == CLD_EXITED ? end.si_status : 128 + end.si_status;
}

}  // namespace graphite
