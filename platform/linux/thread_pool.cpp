#include "platform/linux/thread_pool.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "platform/linux/cpu_set.hpp"

namespace graphite {

namespace {

constexpr std::size_t thread_name_bytes_max = 15;
constexpr unsigned looks_before_rest = 64;  ///< about two microseconds
constexpr unsigned lowest_first_every = 61;

/// `wanted`, or all that there are where none are. Errors: invalid_argument (one that may not be used).
result<std::vector<int>> processors(const std::vector<int>& wanted) {
  GRAPHITE_TRY(auto allowed, allowed_cpus());
  if (wanted.empty()) return allowed;
  for (const int cpu : wanted)
    if (!std::binary_search(allowed.begin(), allowed.end(), cpu))
      return fail(errc::invalid_argument,
                  fmt::format("processor {} does not exist or is not allowed here", cpu));
  return wanted;
}

/// "NAME-3", the name cut so that the number stays.
std::string thread_name(const std::string& name, std::size_t number) {
  const auto tail = fmt::format("-{}", number);
  return name.substr(0, thread_name_bytes_max - tail.size()) + tail;
}

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

/// Which thread of which pool this one is, and where its next submission to another goes.
struct pool_place {
  const void* pool = nullptr;
  std::size_t number = 0;
  std::size_t turn = 0;
};
thread_local pool_place here;

}  // namespace

pinned_pool::pinned_pool(pinned_pool_options options, std::size_t threads) : options_(std::move(options)) {
  // Together a class's rings hold all jobs that may wait, whatever their classes are.
  const auto each = options_.queued_max / threads + 1;
  for (std::size_t i = 0; i < threads; ++i)
    lanes_.push_back(std::unique_ptr<lane>(new lane{ring(each), ring(each), ring(each), ring(each)}));
}

result<std::unique_ptr<pinned_pool>> pinned_pool::make(pinned_pool_options options) {
  GRAPHITE_TRY(const auto cpus, processors(options.cpus));
  const auto threads = options.threads ? options.threads : cpus.size();
  std::unique_ptr<pinned_pool> out(new pinned_pool(std::move(options), threads));
  try {
    for (std::size_t i = 0; i < threads; ++i)
      out->threads_.emplace_back([pool = out.get(), i, cpus, name = thread_name(out->options_.name, i)] {
        ::pthread_setname_np(::pthread_self(), name.c_str());
        (void)bind_thread(::pthread_self(), cpus);  // one that went offline since then binds nothing
        // On Linux a nice value belongs to the thread.
        if (pool->options_.nice != 0)
          ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), pool->options_.nice);
        pool->work(i);
      });
  } catch (const std::system_error& e) {
    out->stop();
    return fail(errc::busy, fmt::format("cannot start {} threads: {}", threads, e.what()));
  }
  return out;
}

pinned_pool::~pinned_pool() { stop(); }

result<void> pinned_pool::submit(job work, work_priority priority) {
  const auto waiting = queued_.fetch_add(1);
  // Asked after it is counted, so that stop() waits for whoever was not refused.
  if (stopping_ || waiting >= options_.queued_max) {
    queued_.fetch_sub(1);
    if (stopping_) return fail(errc::cancelled, fmt::format("pool {} has stopped", options_.name));
    return fail(errc::busy, fmt::format("pool {} has {} jobs waiting", options_.name, waiting));
  }
  put(work, static_cast<std::size_t>(priority));
  wake_one();
  return {};
}

double pinned_pool::load() const {
  const auto busy = threads() - std::min(sleepers_.load(std::memory_order_relaxed), threads());
  return static_cast<double>(queued() + busy) / static_cast<double>(threads());
}

void pinned_pool::put(job& work, std::size_t priority) {
  auto number = here.pool == this ? here.number : here.turn++ % lanes_.size();
  // There is room for all that are counted; only whoever is emptying a cell may still be at it.
  while (!(*lanes_[number])[priority].push(work)) number = (number + 1) % lanes_.size();
}

/// Written to, not only read: so this comes before or after a sleeper's counting himself in the one order of
/// that counter, and either he sees the job or is seen here.
void pinned_pool::wake_one() {
  auto asleep = sleepers_.fetch_add(0);
  while (asleep != 0)
    if (sleepers_.compare_exchange_weak(asleep, asleep - 1)) return wake_.post();
}

void pinned_pool::stop() {
  const std::lock_guard lock(stopping_once_);
  stopping_ = true;
  if (const auto asleep = sleepers_.exchange(0)) wake_.post(static_cast<std::uint32_t>(asleep));
  for (auto& thread : threads_) thread.join();
  threads_.clear();
  drop_waiting();
}

/// Until nobody is between counting a job and putting it somewhere.
void pinned_pool::drop_waiting() {
  while (queued_ != 0) {
    for (std::size_t priority = 0; priority < work_priorities; ++priority)
      while (take(0, priority)) {
      }
    ::sched_yield();
  }
}

void pinned_pool::work(std::size_t number) {
  here = {this, number, 0};
  while (!stopping_) {
    if (auto next = find(number))
      (*next)();
    else
      rest();
  }
}

/// A look at all rings; more looks while nothing is there, for what comes soon costs no system call then.
std::optional<thread_pool::job> pinned_pool::find(std::size_t number) {
  for (unsigned look = 0; look < looks_before_rest && !stopping_; ++look) {
    const bool lowest_first = ++here.turn % lowest_first_every == 0;
    for (std::size_t i = 0; i < work_priorities; ++i)
      if (auto found = take(number, lowest_first ? work_priorities - 1 - i : i)) return found;
    relax();
  }
  return std::nullopt;
}

std::optional<thread_pool::job> pinned_pool::take(std::size_t number, std::size_t priority) {
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    auto& one = (*lanes_[(number + i) % lanes_.size()])[priority];
    if (one.empty()) continue;
    auto found = one.pop();
    if (!found) continue;
    queued_.fetch_sub(1);
    return found;
  }
  return std::nullopt;
}

/// Sleeps until woken. A submission counts its job, puts it somewhere and looks for sleepers; they count
/// themselves and then look for jobs, the counted too: one that is not yet in its place soon will be.
void pinned_pool::rest() {
  sleepers_.fetch_add(1);
  if (queued_ == 0 && !stopping_) return wake_.wait();
  auto asleep = sleepers_.load();
  while (asleep != 0)
    if (sleepers_.compare_exchange_weak(asleep, asleep - 1)) {
      ::sched_yield();  // whoever has not yet filled his cell may need this processor
      return;
    }
  wake_.wait();  // somebody has woken this thread already, or is about to
}

}  // namespace graphite
