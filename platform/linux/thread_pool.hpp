#pragma once

#include <array>
#include <atomic>
#include <latch>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/bounded_ring.hpp"
#include "core/ports/thread_pool.hpp"
#include "platform/linux/futex_semaphore.hpp"

namespace graphite {

struct pinned_pool_options {
  std::string name = "worker";  ///< threads are called NAME-0, NAME-1 …; cut to 15 bytes
  std::size_t threads = 0;      ///< 0: one for each of `cpus`, or each processor this process may use
  std::size_t queued_max = 4096;
  int nice = 0;
  std::vector<int> cpus{};  ///< threads are bound to these; empty: not bound
  bool one_each = false;    ///< each thread to one of `cpus`, in turns, instead of to all
};

/// Jobs for whichever of several pools has time. Thread-safe.
///
/// Bound: at most `queued_max` wait. Pools look here after their own jobs of each class.
class shared_jobs {
 public:
  explicit shared_jobs(std::size_t queued_max);
  /// False where the bound is reached; then `work` stays.
  bool put(thread_pool::job& work, work_priority priority);
  std::optional<thread_pool::job> take(std::size_t priority);
  std::size_t queued() const { return queued_.load(); }
  std::size_t queued_max() const { return queued_max_; }

 private:
  std::size_t queued_max_;
  std::array<bounded_ring<thread_pool::job>, work_priorities> rings_;
  std::atomic<std::size_t> queued_{0};
};

/// Threads bound to a domain's processors: to the whole list, because the processes they start inherit it,
/// and the system moves threads to where there is room; one each where it does not move them.
///
/// Each thread has a ring of jobs for each priority. What a job submits goes to its own thread's, the rest
/// in turns; a thread that has nothing steals from the others, the oldest first (R. Blumofe, C. Leiserson,
/// "Scheduling Multithreaded Computations by Work Stealing", J. ACM 46(5), 1999; from the old end for owners,
/// too, for jobs are independent). One in 61 looks starts with a lower class, each in turn. A
/// submission wakes at most one thread, and makes no system call while none sleeps.
class pinned_pool final : public thread_pool {
 public:
  /// Errors: invalid_argument (a processor that does not exist), busy (no more threads to be had). That
  /// threads cannot be bound is none: see unbound().
  static result<std::unique_ptr<pinned_pool>> make(pinned_pool_options options,
                                                   std::shared_ptr<shared_jobs> shared = nullptr);
  /// stop()s.
  ~pinned_pool() override;

  using thread_pool::submit;
  result<void> submit(job work, work_priority priority) override;
  void stop() override;
  std::size_t threads() const override { return lanes_.size(); }
  std::size_t queued_max() const override { return options_.queued_max; }

  /// Jobs that wait now.
  std::size_t queued() const { return queued_.load(std::memory_order_relaxed); }
  /// Wakes a thread that sleeps, to look at the shared jobs; false where none does.
  bool wake_one();
  /// Whether the calling thread is one of its own.
  bool is_here() const;
  const std::string& name() const { return options_.name; }
  /// What the system said to the first of its threads that could not be bound and runs wherever it may; none:
  /// they are as asked.
  std::optional<error> unbound() const;

 private:
  using ring = bounded_ring<job>;
  /// The jobs of one thread, by priority.
  using lane = std::array<ring, work_priorities>;

  pinned_pool(pinned_pool_options options, std::size_t threads, std::shared_ptr<shared_jobs> shared);
  void put(job& work, std::size_t priority);
  void begin(std::size_t number);
  void work(std::size_t number);
  std::optional<job> find(std::size_t number);
  std::optional<job> take(std::size_t number, std::size_t priority);
  bool nothing_waits() const;
  void rest();
  void drop_waiting();

  static constexpr std::size_t line_bytes = 64;
  pinned_pool_options options_;
  std::shared_ptr<shared_jobs> shared_;  ///< may be null
  std::vector<std::unique_ptr<lane>> lanes_;
  std::latch begun_;  ///< by all threads
  mutable std::mutex beginning_;
  std::optional<error> unbound_;
  std::mutex stopping_once_;
  std::vector<std::thread> threads_;
  std::atomic<bool> stopping_{false};
  futex_semaphore wake_;
  alignas(line_bytes) std::atomic<std::size_t> queued_{0};    ///< the bound: counted before anything else
  alignas(line_bytes) std::atomic<std::size_t> sleepers_{0};  ///< asleep, or nearly, and not yet woken
};

}  // namespace graphite
