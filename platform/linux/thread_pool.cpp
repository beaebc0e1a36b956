#include "platform/linux/thread_pool.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "platform/linux/cpu_set.hpp"
#include "platform/linux/thread_name.hpp"
#include "platform/linux/thread_turns.hpp"

namespace graphite {

namespace {

constexpr std::size_t thread_name_bytes_max = 15;
constexpr unsigned looks_before_rest = 64;  ///< microseconds with few threads
constexpr std::size_t lower_first_every = 61;

/// "NAME-3", the name cut so that the number stays.
std::string thread_name(const std::string& name, std::size_t number) {
  const auto tail = fmt::format("-{}", number);
  return name.substr(0, thread_name_bytes_max - tail.size()) + tail;
}

/// How many threads are meant, and that the processors may be used. Errors: invalid_argument.
result<std::size_t> check_processors(const pinned_pool_options& options) {
  GRAPHITE_TRY(const auto allowed, allowed_cpus());
  for (const int cpu : options.cpus)
    if (!std::binary_search(allowed.begin(), allowed.end(), cpu))
      return fail(errc::invalid_argument,
                  fmt::format("processor {} does not exist or is not allowed here", cpu));
  if (options.threads != 0) return options.threads;
  return std::max<std::size_t>(options.cpus.empty() ? allowed.size() : options.cpus.size(), 1);
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
  std::size_t turn = 0, looks = 0;
};
thread_local pool_place here;

}  // namespace

shared_jobs::shared_jobs(std::size_t queued_max)
    : queued_max_(queued_max),
      rings_{bounded_ring<thread_pool::job>(queued_max), bounded_ring<thread_pool::job>(queued_max),
             bounded_ring<thread_pool::job>(queued_max), bounded_ring<thread_pool::job>(queued_max)} {}

bool shared_jobs::put(thread_pool::job& work, work_priority priority) {
  if (queued_.fetch_add(1) >= queued_max_) return queued_.fetch_sub(1), false;
  while (!rings_[static_cast<std::size_t>(priority)].push(work)) ::sched_yield();
  return true;
}

std::optional<thread_pool::job> shared_jobs::take(std::size_t priority) {
  if (rings_[priority].empty()) return std::nullopt;
  auto found = rings_[priority].pop();
  if (found) queued_.fetch_sub(1);
  return found;
}

pinned_pool::pinned_pool(pinned_pool_options options, std::size_t threads,
                         std::shared_ptr<shared_jobs> shared)
    : options_(std::move(options)), shared_(std::move(shared)), begun_(static_cast<std::ptrdiff_t>(threads)) {
  // Together a class's rings hold all jobs that may wait, whatever their classes are.
  const auto each = options_.queued_max / threads + 1;
  for (std::size_t i = 0; i < threads; ++i)
    lanes_.push_back(std::unique_ptr<lane>(new lane{ring(each), ring(each), ring(each), ring(each)}));
}

result<std::unique_ptr<pinned_pool>> pinned_pool::make(pinned_pool_options options,
                                                       std::shared_ptr<shared_jobs> shared) {
  GRAPHITE_TRY(const auto threads, check_processors(options));
  std::unique_ptr<pinned_pool> out(new pinned_pool(std::move(options), threads, std::move(shared)));
  try {
    for (std::size_t i = 0; i < threads; ++i)
      out->threads_.emplace_back([pool = out.get(), i] {
        pool->begin(i);
        pool->work(i);
      });
  } catch (const std::system_error& e) {
    out->stop();
    return fail(errc::busy, fmt::format("cannot start {} threads: {}", threads, e.what()));
  }
  if (!out->options_.cpus.empty()) out->begun_.wait();  // then unbound() is known
  return out;
}

/// What a thread does first.
void pinned_pool::begin(std::size_t number) {
  name_thread(thread_name(options_.name, number).c_str());
  take_usual_turns();
  // On Linux a nice value belongs to the thread.
  if (options_.nice != 0)
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), options_.nice);
  if (!options_.cpus.empty())
    if (auto bound = bind_to_domain(options_.cpus, options_.one_each, number); !bound) {
      const std::lock_guard lock(beginning_);
      if (!unbound_) unbound_ = std::move(bound.error());
    }
  begun_.count_down();
}

std::optional<error> pinned_pool::unbound() const {
  const std::lock_guard lock(beginning_);
  return unbound_;
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
  (void)wake_one();
  return {};
}

bool pinned_pool::is_here() const { return here.pool == this; }

void pinned_pool::put(job& work, std::size_t priority) {
  auto number = here.pool == this ? here.number : here.turn++ % lanes_.size();
  // There is room for all that are counted; only whoever is emptying a cell may still be at it.
  for (std::size_t tries = 1; !(*lanes_[number])[priority].push(work); ++tries) {
    number = (number + 1) % lanes_.size();
    if (tries % lanes_.size() == 0) ::sched_yield();
  }
}

/// Written to, not only read: so this comes before or after a sleeper's counting himself in the one order of
/// that counter, and either he sees the job or is seen here.
bool pinned_pool::wake_one() {
  auto asleep = sleepers_.fetch_add(0);
  while (asleep != 0)
    if (sleepers_.compare_exchange_weak(asleep, asleep - 1)) return wake_.post(), true;
  return false;
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
    for (const auto& some : lanes_)
      for (auto& one : *some)
        while (one.pop()) queued_.fetch_sub(1);
    ::sched_yield();
  }
}

void pinned_pool::work(std::size_t number) {
  here = {this, number, 0, 0};
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
    const auto turn = ++here.looks;
    if (turn % lower_first_every == 0)
      if (auto found = take(number, 1 + turn / lower_first_every % (work_priorities - 1))) return found;
    for (std::size_t priority = 0; priority < work_priorities; ++priority)
      if (auto found = take(number, priority)) return found;
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
  return shared_ ? shared_->take(priority) : std::nullopt;
}

bool pinned_pool::nothing_waits() const { return queued_ == 0 && (!shared_ || shared_->queued() == 0); }

/// Sleeps until woken. A submission counts its job, puts it somewhere and looks for sleepers; they count
/// themselves and then look for jobs, the counted too: one that is not yet in its place soon will be.
void pinned_pool::rest() {
  sleepers_.fetch_add(1);
  if (nothing_waits() && !stopping_) return wake_.wait();
  auto asleep = sleepers_.load();
  while (asleep != 0)
    if (sleepers_.compare_exchange_weak(asleep, asleep - 1)) {
      ::sched_yield();  // whoever has not yet filled his cell may need this processor
      return;
    }
  wake_.wait();  // somebody has woken this thread already, or is about to
}

}  // namespace graphite
