#include "cli/signals.hpp"

#include <pthread.h>
#include <unistd.h>

namespace graphite {

stop_signals::stop_signals() {
  sigemptyset(&set_);
  sigaddset(&set_, SIGINT);
  sigaddset(&set_, SIGTERM);
  sigaddset(&set_, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

bool stop_signals::wait() {
  int got = 0;
  while (sigwait(&set_, &got) != 0) {
  }
  return got != SIGUSR1;
}

void stop_signals::raise() { ::kill(::getpid(), SIGTERM); }
void stop_signals::nudge() { ::kill(::getpid(), SIGUSR1); }

}  // namespace graphite
