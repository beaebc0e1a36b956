#pragma once

#include <signal.h>

#include <mutex>
#include <string>
#include <thread>

#include "platform/linux/owned_fd.hpp"

namespace graphite {

/// Says something when Ctrl-C or SIGTERM ends the process, which it does all the same. Make it before other
/// threads start: they inherit that the signals are blocked.
class last_words {
 public:
  last_words();
  ~last_words();  ///< signals act as before
  last_words(const last_words&) = delete;
  last_words& operator=(const last_words&) = delete;

  /// What is said from now on, on standard error; empty: nothing.
  void set(std::string text);
  /// While it is held the process does not end, for a second: no line is cut off.
  std::unique_lock<std::timed_mutex> keep_alive() { return std::unique_lock(mutex_); }

 private:
  void wait();

  sigset_t signals_, before_;
  owned_fd told_, ended_;
  std::timed_mutex mutex_;
  std::string text_;
  std::thread thread_;
};

}  // namespace graphite
