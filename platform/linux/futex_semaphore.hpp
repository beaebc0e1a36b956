#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace graphite {

/// Counts wake-ups that nobody has used yet. Thread-safe.
class futex_semaphore {
 public:
  void post(std::uint32_t count = 1) {
    count_.fetch_add(count, std::memory_order_release);
    ::syscall(SYS_futex, word(), FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
  }
  /// Waits for one and takes it.
  void wait() {
    while (!take()) ::syscall(SYS_futex, word(), FUTEX_WAIT_PRIVATE, 0, nullptr, nullptr, 0);
  }

 private:
  bool take() {
    auto have = count_.load(std::memory_order_relaxed);
    while (have != 0)
      if (count_.compare_exchange_weak(have, have - 1, std::memory_order_acquire)) return true;
    return false;
  }
  std::uint32_t* word() { return reinterpret_cast<std::uint32_t*>(&count_); }

  std::atomic<std::uint32_t> count_{0};
  static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t));
};

}  // namespace graphite
