#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

#include "core/error.hpp"

namespace graphite {

/// Which work goes first. Lower classes get a turn now and then, however much of the higher waits.
enum class work_priority : std::uint8_t { critical, high, medium, low };
inline constexpr std::size_t work_priorities = 4;

/// Threads that run blocking work: by priority, then about first come first served. Thread-safe.
///
/// Bound: at most `queued_max()` jobs wait; what comes beyond is refused, never blocks.
class thread_pool {
 public:
  using job = std::function<void()>;
  virtual ~thread_pool() = default;

  /// Runs `work` on some thread of the pool; it must not throw. Errors: busy (queue full), cancelled
  /// (stopped); then `work` is destroyed without having run.
  virtual result<void> submit(job work, work_priority priority) = 0;
  result<void> submit(job work) { return submit(std::move(work), work_priority::medium); }
  /// Ends: jobs that wait are destroyed unrun, those that run are waited for. Never call it from a job.
  virtual void stop() = 0;

  virtual std::size_t threads() const = 0;
  virtual std::size_t queued_max() const = 0;
};

}  // namespace graphite
