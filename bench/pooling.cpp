#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "bench/child.hpp"
#include "bench/workloads.hpp"
#include "platform/linux/thread_pool.hpp"

namespace graphite::bench {
namespace {

constexpr std::size_t batch = 1000;

/// What one writes who needs a pool: a queue under a lock.
class plain_pool {
 public:
  explicit plain_pool(std::size_t threads) {
    for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  }
  ~plain_pool() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (auto& thread : threads_) thread.join();
  }
  void submit(std::function<void()> job) {
    {
      const std::lock_guard lock(mutex_);
      jobs_.push_back(std::move(job));
    }
    wake_.notify_one();
  }

 private:
  void work() {
    while (true) {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      const auto next = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      next();
    }
  }
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

/// Nanoseconds of one submission to a pool at work, as `submit` takes it.
template <class Submit>
double submit_ns(Submit submit) {
  std::atomic<std::size_t> ran{0};
  const double start = now_seconds();
  for (std::size_t i = 0; i < batch; ++i) submit([&ran] { ran.fetch_add(1, std::memory_order_relaxed); });
  const double took = now_seconds() - start;
  while (ran < batch) std::this_thread::yield();
  return took * 1e9 / batch;
}

/// Microseconds from a submission to a pool that sleeps to the job's beginning.
template <class Submit>
double wake_us(Submit submit) {
  std::this_thread::sleep_for(std::chrono::microseconds(500));
  std::atomic<double> began{0};
  const double start = now_seconds();
  submit([&began] { began = now_seconds(); });
  while (began == 0) std::this_thread::sleep_for(std::chrono::microseconds(50));
  return (began - start) * 1e6;
}

}  // namespace

report run_pool(const bench_options& options) {
  const int batches = options.quick ? 20 : 500, wakes = options.quick ? 50 : 3000;
  const auto pool = pinned_pool::make({.name = "bench"});
  plain_pool plain(std::thread::hardware_concurrency());
  const auto own = [&](auto job) {
    if (!(*pool)->submit(job)) give_up("the pool refused a job");
  };
  const auto other = [&](auto job) { plain.submit(job); };
  std::vector<double> own_submit, plain_submit, own_wake, plain_wake;
  for (int i = 0; i < batches; ++i) {
    own_submit.push_back(submit_ns(own));
    plain_submit.push_back(submit_ns(other));
  }
  for (int i = 0; i < wakes; ++i) {
    own_wake.push_back(wake_us(own));
    plain_wake.push_back(wake_us(other));
  }
  report out;
  const std::string peer = "a locked queue and a condition variable";
  out.figures = {
      {"submit_ns", median(own_submit), "ns", better::lower, 200.0, peer, median(plain_submit)},
      {"submit_ns_p99",
       percentile(own_submit, 0.99),
       "ns",
       better::lower,
       {},
       peer,
       percentile(plain_submit, 0.99)},
      {"wake_us_p50", median(own_wake), "us", better::lower, {}, peer, median(plain_wake)},
      {"wake_us_p99", percentile(own_wake, 0.99), "us", better::lower, 100.0, peer,
       percentile(plain_wake, 0.99)},
  };
  out.notes.push_back(
      std::to_string((*pool)->threads()) + " threads; submissions in batches of " + std::to_string(batch) +
      " while the threads work them off; a pool sleeps for half a millisecond before it is woken");
  return out;
}

}  // namespace graphite::bench
