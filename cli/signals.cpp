#include "cli/signals.hpp"

#include <pthread.h>
#include <unistd.h>

namespace graphite {

stop_signals::stop_signals() {
  sigemptyset(&set_);
  sigaddset(&set_, SIGINT);
  sigaddset(&set_, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

void stop_signals::wait() {
  int got = 0;
  while (sigwait(&set_, &got) != 0) {
  }
}

void stop_signals::raise() { ::kill(::getpid(), SIGTERM); }

}  // namespace graphite
