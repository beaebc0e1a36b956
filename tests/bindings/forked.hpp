#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <optional>

#include "tests/bindings/following.hpp"
#include "tests/support/wait_until.hpp"

namespace graphite::test {

/// A child of fork() that runs `body` and ends with what it returns, without destructors and handlers of the
/// parent's. A child that hangs is ended with the test.
class forked {
 public:
  template <class Body>
  explicit forked(Body body) {
    std::fflush(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) ::_exit(body());
  }
  ~forked() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  forked(const forked&) = delete;
  forked& operator=(const forked&) = delete;

  /// How it ended, as waitpid() says it. Nothing: it hangs.
  std::optional<int> status() {
    int out = 0;
    if (!wait_until([&] { return ::waitpid(pid_, &out, WNOHANG) == pid_; })) return {};
    pid_ = 0;
    return out;
  }

 private:
  pid_t pid_ = 0;
};

/// What one process tells the other: that it is so far.
class signal_pipe {
 public:
  signal_pipe() { (void)(::pipe(ends_) == 0); }
  ~signal_pipe() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  signal_pipe(const signal_pipe&) = delete;
  signal_pipe& operator=(const signal_pipe&) = delete;
  bool give() const { return ::write(ends_[1], "x", 1) == 1; }
  bool take() const {
    char c;
    return ::read(ends_[0], &c, 1) == 1;
  }

 private:
  int ends_[2] = {-1, -1};
};

/// 0, or which of the calls did something else than to say that the context is another process's.
inline int refused_calls(graphite_hot_reload_context* context) {
  graphite_handle handle = 0;
  graphite_statistics numbers{};
  numbers.size = sizeof numbers;
  const std::uint64_t id = id_named("a");
  const graphite_result results[] = {graphite_poll(context, 0, nullptr),
                                     graphite_wait(context, 0, long_ns),
                                     graphite_handle_open(context, id, &handle),
                                     graphite_rollback(context, 1),
                                     graphite_resume(context),
                                     graphite_fetch(context, &id, 1),
                                     graphite_fetch_wait(context, id, long_ns),
                                     graphite_optimized_reload(context, "/nowhere", nullptr),
                                     graphite_hot_reload_statistics(context, &numbers)};
  int number = 1;
  for (const auto result : results) {
    if (result != GRAPHITE_ERROR_CANCELLED) return number;
    ++number;
  }
  if (graphite_hot_reload_generations(context, nullptr, 0) != 0) return number;
  return 0;
}

}  // namespace graphite::test
