#pragma once

#include <cstddef>
#include <functional>

#include "core/error.hpp"

namespace graphite {

/// Threads that run blocking work, first come first served. Thread-safe.
///
/// Bound: at most `queued_max()` jobs wait; what comes beyond is refused, never blocks.
class thread_pool {
 public:
  using job = std::function<void()>;
  virtual ~thread_pool() = default;

  /// Runs `work` on some thread of the pool; it must not throw. Errors: busy (queue full), cancelled
  /// (stopped); then `work` is destroyed without having run.
  virtual result<void> submit(job work) = 0;
  /// Ends: jobs that wait are destroyed unrun, those that run are waited for. Never call it from a job.
  virtual void stop() = 0;

  virtual std::size_t threads() const = 0;
  virtual std::size_t queued_max() const = 0;
};

}  // namespace graphite
