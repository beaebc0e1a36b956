#pragma once

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <vector>

#include "core/ports/parallel_calls.hpp"
#include "core/units.hpp"

namespace graphite {

/// Threads that wait until there is something to do. They are started before their process shuts itself in,
/// and live as long as it does: there is no end of them but the process's.
class helper_threads final : public parallel_calls {
 public:
  /// Address space of each that the limit of a process's memory counts; encoders keep arrays on it.
  static constexpr std::size_t stack_bytes = 1 * MiB;

  helper_threads() = default;
  helper_threads(const helper_threads&) = delete;
  helper_threads& operator=(const helper_threads&) = delete;

  /// Starts up to `count` threads, fewer where the system gives no more, and returns when they wait. The
  /// n-th of them, from 1, is bound to the n-th of `cpus` counted from 0, in turns; none given: to what this
  /// thread may use.
  void start(std::size_t count, std::vector<int> cpus = {});
  /// How many calls for_each() makes at once from now on, at most as many as there are threads, this one
  /// included.
  void allow(std::size_t width);

  /// Whether a task has made use of there being several since allow().
  bool used() const { return used_; }

  std::size_t width() const override {
    used_ = used_ || width_ > 1;
    return width_;
  }
  void for_each(std::size_t count, const std::function<void(std::size_t)>& call) override;

 private:
  static void* run(void* self);
  void begin();
  void help();
  void make_calls() noexcept;

  std::size_t started_ = 0, width_ = 1;
  std::vector<int> cpus_;
  std::atomic<std::size_t> begun_{0};
  mutable bool used_ = false;
  std::mutex mutex_;  ///< of all below; `call_` and `count_` are read without it by who has been let begin
  std::condition_variable wake_, done_;
  std::size_t waiting_ = 0;
  std::size_t wanted_ = 0;  ///< threads that have still to begin with what there is to do
  std::size_t at_work_ = 0;
  std::size_t count_ = 0;
  const std::function<void(std::size_t)>* call_ = nullptr;
  std::atomic<std::size_t> next_{0};
  std::exception_ptr thrown_;
};

}  // namespace graphite
