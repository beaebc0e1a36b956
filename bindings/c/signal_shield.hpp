#pragma once

#include <pthread.h>
#include <signal.h>

namespace graphite::build_api {

/// While it lives the thread, and every thread that it or one of these starts meanwhile, gets no signals but
/// those of its own faults: the program's handlers run in the program's threads.
class signal_shield {
 public:
  signal_shield() {
    sigset_t blocked;
    ::sigfillset(&blocked);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS})
      ::sigdelset(&blocked, fault);
    ::pthread_sigmask(SIG_BLOCK, &blocked, &before_);
  }
  ~signal_shield() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  signal_shield(const signal_shield&) = delete;
  signal_shield& operator=(const signal_shield&) = delete;

 private:
  sigset_t before_;
};

}  // namespace graphite::build_api
