#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <thread>

#include "core/error.hpp"

#include "platform/linux/thread_name.hpp"

namespace graphite {

/// One blocking job at a time in a thread of its own. Owned and used by one thread.
class background_job {
 public:
  ~background_job() {
    if (thread_.joinable()) thread_.join();
  }
  bool running() const { return started_; }
  /// `done` is called in the job's thread at its end, to wake the owner.
  void start(std::function<result<void>()> work, std::function<void()> done) {
    started_ = true;
    finished_.store(false);
    thread_ = std::thread([this, work = std::move(work), done = std::move(done)] {
      name_thread("background");
      outcome_ = work();
      finished_.store(true, std::memory_order_release);
      done();
    });
  }
  /// The outcome, once after the end.
  std::optional<result<void>> take() {
    if (!started_ || !finished_.load(std::memory_order_acquire)) return std::nullopt;
    thread_.join();
    started_ = false;
    return outcome_;
  }
  /// The outcome of the job that runs, once it has ended.
  result<void> wait() {
    finish();
    return outcome_;
  }
  /// Waits for the end.
  void finish() {
    if (thread_.joinable()) thread_.join();
    started_ = false;
  }

 private:
  std::thread thread_;
  std::atomic<bool> finished_{false};
  bool started_ = false;
  result<void> outcome_;
};

}  // namespace graphite
