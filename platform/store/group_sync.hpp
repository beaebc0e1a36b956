#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

#include "core/error.hpp"

namespace graphite {

/// Lets callers that wait together share one run of an expensive operation. Thread-safe.
///
/// A caller gets the outcome of a run that began after its call.
class group_sync {
 public:
  template <class Operation>
  result<void> run(Operation operation) {
    std::unique_lock lock(mutex_);
    if (!gathering_) gathering_ = std::make_shared<batch>();
    const auto mine = gathering_;
    changed_.wait(lock, [&] { return mine->outcome || !running_; });
    if (mine->outcome) return *mine->outcome;
    running_ = true;
    gathering_ = nullptr;
    lock.unlock();
    auto outcome = operation();
    lock.lock();
    mine->outcome = outcome;
    running_ = false;
    changed_.notify_all();
    return outcome;
  }

 private:
  struct batch {
    std::optional<result<void>> outcome;
  };
  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<batch> gathering_;
  bool running_ = false;
};

}  // namespace graphite
