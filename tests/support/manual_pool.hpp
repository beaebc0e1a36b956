#pragma once

#include <algorithm>
#include <array>
#include <deque>

#include "core/ports/thread_pool.hpp"

namespace graphite {

/// A pool without threads: whoever calls run_one() is its thread. One thread.
class manual_pool final : public thread_pool {
 public:
  explicit manual_pool(std::size_t queued_max = 4096) : queued_max_(queued_max) {}

  using thread_pool::submit;
  result<void> submit(job work, work_priority priority) override {
    if (stopped_) return fail(errc::cancelled, "the pool has stopped");
    if (queued() >= queued_max_) return fail(errc::busy, "the pool is full");
    waiting_[static_cast<std::size_t>(priority)].push_back(std::move(work));
    return {};
  }
  void stop() override {
    stopped_ = true;
    for (auto& jobs : waiting_) std::deque<job>().swap(jobs);
  }
  std::size_t threads() const override { return 1; }
  std::size_t queued_max() const override { return queued_max_; }

  std::size_t queued() const {
    std::size_t sum = 0;
    for (const auto& jobs : waiting_) sum += jobs.size();
    return sum;
  }
  /// Runs the job that is first now; false where none waits.
  bool run_one() {
    const auto jobs =
        std::find_if(waiting_.begin(), waiting_.end(), [](const auto& some) { return !some.empty(); });
    if (jobs == waiting_.end()) return false;
    const auto next = std::move(jobs->front());
    jobs->pop_front();
    next();
    return true;
  }

 private:
  std::size_t queued_max_;
  bool stopped_ = false;
  std::array<std::deque<job>, work_priorities> waiting_;
};

}  // namespace graphite
