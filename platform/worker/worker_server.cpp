#include "platform/worker/worker_server.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <list>

#include "platform/worker/frames.hpp"
#include "platform/worker/worker_loop.hpp"

namespace graphite {

namespace {

/// A worker that has not been waited for.
struct running_worker {
  pid_t pid = -1;
  owned_fd handle;  ///< readable when it has ended
  owned_fd status;  ///< where the pool hears how it ended
};

owned_fd handle_of(pid_t pid) { return owned_fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

/// Answers one request to start a worker; in the worker it does not return.
void start_worker(int control, received_frame request, std::list<running_worker>& running,
                  const worker_function& work) {
  const auto refuse = [&](int code) {
    (void)send_frame(control, {worker_frame::kind::started, 0, 0, static_cast<std::uint64_t>(code)});
  };
  if (request.frame.what != worker_frame::kind::start || request.frame.offset != worker_protocol)
    return refuse(EPROTO);
  if (request.descriptors.size() != 4) return refuse(EMFILE);  // there was no room for them
  auto status = std::move(request.descriptors.back());
  request.descriptors.pop_back();
  const auto pid = ::fork();
  if (pid < 0) return refuse(errno);
  if (pid == 0) run_worker(std::move(request.descriptors), request.frame, work);
  running_worker made{pid, handle_of(pid), std::move(status)};
  if (!made.handle) {
    const int code = errno;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return refuse(code);
  }
  const int handle = made.handle.get();
  (void)send_frame(control, {worker_frame::kind::started, 0, static_cast<std::uint64_t>(pid), 0},
                   {&handle, 1});
  running.push_back(std::move(made));
}

/// Tells the pool how a worker ended.
void tell_exit(const running_worker& ended) {
  int status = 0;
  ::waitpid(ended.pid, &status, 0);
  (void)write_status(ended.status.get(), status);  // a pool that is gone does not care
}

}  // namespace

int serve_workers(int control, const worker_function& work, const std::function<void()>& warm) {
  ::signal(SIGPIPE, SIG_IGN);
  if (warm) warm();
  std::list<running_worker> running;
  while (true) {
    std::vector<pollfd> waits{{control, POLLIN, 0}};
    for (const auto& one : running) waits.push_back({one.handle.get(), POLLIN, 0});
    if (::poll(waits.data(), waits.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return 1;
    }
    auto wait = waits.begin() + 1;
    for (auto one = running.begin(); one != running.end(); ++wait) {
      if (wait->revents == 0) {
        ++one;
        continue;
      }
      tell_exit(*one);
      one = running.erase(one);
    }
    if (waits.front().revents == 0) continue;
    auto request = receive_frame(control);
    if (!request) return request.error().code == errc::unavailable ? 0 : 1;
    start_worker(control, std::move(*request), running, work);
  }
}

}  // namespace graphite
