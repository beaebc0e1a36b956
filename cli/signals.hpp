#pragma once

#include <signal.h>

namespace graphite {

/// Turns SIGINT and SIGTERM into something a thread can wait for. Make it before any other thread starts:
/// every thread inherits that the signals are blocked.
class stop_signals {
 public:
  stop_signals();
  /// Waits for one of the signals, or for raise().
  void wait();
  /// Ends the waiting of another thread. Safe in any thread.
  static void raise();

 private:
  sigset_t set_;
};

}  // namespace graphite
