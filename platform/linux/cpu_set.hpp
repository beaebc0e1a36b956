#pragma once

#include <pthread.h>

#include <span>
#include <vector>

#include "core/error.hpp"

namespace graphite {

/// \file Which processors threads may run on. Masks grow with the machine: no limit of 1024 processors.

/// The processors that this process's main thread may run on, ascending: what cpusets and `taskset` leave it,
/// whatever other threads were bound to since. Errors: io.
result<std::vector<int>> allowed_cpus();

/// The same of one thread.
result<std::vector<int>> thread_cpus(pthread_t thread);

/// Lets a thread of this process run on `cpus` only. Errors: invalid_argument (none given, or the named
/// processor does not exist, is offline or forbidden: then the thread stays as it was), io.
result<void> bind_thread(pthread_t thread, std::span<const int> cpus);

/// Binds the calling thread, the `number`th of its domain, to all of `cpus`, or with `one_each` to one of
/// them in turns. Errors: as bind_thread().
result<void> bind_to_domain(std::span<const int> cpus, bool one_each, std::size_t number);

/// Lets this thread run on `cpus` while it lives, and then where it could before: for processes that it
/// starts, which inherit that.
class rebound_thread {
 public:
  explicit rebound_thread(std::span<const int> cpus);
  ~rebound_thread();
  rebound_thread(const rebound_thread&) = delete;
  rebound_thread& operator=(const rebound_thread&) = delete;

  /// As of bind_thread(); where that was refused the thread runs where it did.
  const result<void>& bound() const { return bound_; }

 private:
  std::vector<int> before_{};  ///< empty: there is nothing to put right
  result<void> bound_{};
};

/// The same with all processors that the process may use: for processes that are not its domain's.
class unbound_thread : public rebound_thread {
 public:
  unbound_thread();
};

}  // namespace graphite
