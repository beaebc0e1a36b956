#pragma once

#include <cstddef>
#include <functional>

namespace graphite {

/// Threads that one task may use. Results must not depend on how many there are.
class parallel_calls {
 public:
  virtual ~parallel_calls() = default;
  /// How many calls run at once at most, 1 or more.
  virtual std::size_t width() const = 0;
  /// Calls `call` with 0 to count - 1, in whatever order, on this thread and others; returns when all calls
  /// have. What one throws is thrown here, after those that had begun have ended; the rest are not made.
  /// Never from within such a call, and by one thread at a time.
  virtual void for_each(std::size_t count, const std::function<void(std::size_t)>& call) = 0;
};

/// All on the thread that asks.
class serial_calls final : public parallel_calls {
 public:
  std::size_t width() const override { return 1; }
  void for_each(std::size_t count, const std::function<void(std::size_t)>& call) override {
    for (std::size_t i = 0; i < count; ++i) call(i);
  }
};

}  // namespace graphite
