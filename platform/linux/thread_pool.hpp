#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/ports/thread_pool.hpp"

namespace graphite {

struct pinned_pool_options {
  std::string name = "worker";  ///< threads are called NAME-0, NAME-1 …; cut to 15 bytes
  std::size_t threads = 0;      ///< 0: one for each of `cpus`, or each processor this process may use
  std::size_t queued_max = 4096;
  int nice = 0;
  std::vector<int> cpus{};  ///< every thread may run on all of these; empty: all that the process may use
};

/// Threads bound to a domain's processors. They are bound to the whole list, not one each, because the
/// processes they start inherit it.
class pinned_pool final : public thread_pool {
 public:
  /// Errors: invalid_argument (a processor that does not exist), busy (no more threads to be had).
  static result<std::unique_ptr<pinned_pool>> make(pinned_pool_options options);
  /// stop()s.
  ~pinned_pool() override;

  using thread_pool::submit;
  result<void> submit(job work, work_priority priority) override;
  void stop() override;
  std::size_t threads() const override { return count_; }
  std::size_t queued_max() const override { return options_.queued_max; }

 private:
  explicit pinned_pool(pinned_pool_options options) : options_(std::move(options)) {}
  void work();

  pinned_pool_options options_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<job> queue_;
  bool stopping_ = false;
  std::size_t count_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace graphite
