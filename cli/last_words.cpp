#include "cli/last_words.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <utility>

#include "cli/terminal.hpp"

namespace graphite {

last_words::last_words() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals_, &before_);
  told_ = owned_fd(::signalfd(-1, &signals_, SFD_CLOEXEC));
  ended_ = owned_fd(::eventfd(0, EFD_CLOEXEC));
  thread_ = std::thread([this] { wait(); });
}

last_words::~last_words() {
  const std::uint64_t one = 1;
  while (::write(ended_.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
  thread_.join();
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void last_words::set(std::string text) {
  const std::lock_guard lock(mutex_);
  text_ = std::move(text);
}

void last_words::wait() {
  ::pollfd wanted[] = {{told_.get(), POLLIN, 0}, {ended_.get(), POLLIN, 0}};
  while (::poll(wanted, 2, -1) < 0 && errno == EINTR) {
  }
  ::signalfd_siginfo which{};
  if (wanted[1].revents != 0 || ::read(told_.get(), &which, sizeof which) != sizeof which) return;
  // A line may be on its way to a reader who does not read.
  const std::unique_lock lock(mutex_, std::chrono::seconds(1));
  if (!text_.empty()) {
    std::fprintf(stderr, "%s%s\n", terminal_of(STDERR_FILENO).is_terminal ? "\r\x1b[K" : "", text_.c_str());
  }
  const int signal = static_cast<int>(which.ssi_signo);
  ::signal(signal, SIG_DFL);
  ::raise(signal);
  pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);
  ::_exit(128 + signal);  // not reached: the signal ends the process
}

}  // namespace graphite
