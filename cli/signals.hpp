#pragma once

#include <signal.h>

namespace graphite {

/// Turns SIGINT and SIGTERM into something a thread can wait for. Make it before any other thread starts:
/// every thread inherits that the signals are blocked.
class stop_signals {
 public:
  stop_signals();
  /// Waits for one of the signals or raise(): true; or for nudge(): false.
  bool wait();
  /// Asks the process to stop. Safe in any thread.
  static void raise();
  /// Ends the waiting of another thread, which will see why; nudges before it waits count as one.
  static void nudge();

 private:
  sigset_t set_;
};

}  // namespace graphite
