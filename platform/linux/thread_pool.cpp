#include "platform/linux/thread_pool.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

namespace graphite {

namespace {

constexpr std::size_t thread_name_bytes_max = 15;

result<cpu_set_t> as_set(const std::vector<int>& cpus) {
  cpu_set_t out, allowed;
  CPU_ZERO(&out);
  CPU_ZERO(&allowed);
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return fail_errno(errno, "sched_getaffinity");
  if (cpus.empty()) return allowed;
  for (const int cpu : cpus) {
    if (cpu < 0 || cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &allowed))
      return fail(errc::invalid_argument,
                  fmt::format("processor {} does not exist or is not allowed here", cpu));
    CPU_SET(cpu, &out);
  }
  return out;
}

/// "NAME-3", the name cut so that the number stays.
std::string thread_name(const std::string& name, std::size_t number) {
  const auto tail = fmt::format("-{}", number);
  return name.substr(0, thread_name_bytes_max - tail.size()) + tail;
}

}  // namespace

result<std::unique_ptr<pinned_pool>> pinned_pool::make(pinned_pool_options options) {
  GRAPHITE_TRY(const auto set, as_set(options.cpus));
  std::unique_ptr<pinned_pool> out(new pinned_pool(std::move(options)));
  out->count_ = out->options_.threads ? out->options_.threads : static_cast<std::size_t>(CPU_COUNT(&set));
  try {
    for (std::size_t i = 0; i < out->count_; ++i)
      out->threads_.emplace_back([pool = out.get(), set, name = thread_name(out->options_.name, i)] {
        ::pthread_setname_np(::pthread_self(), name.c_str());
        ::sched_setaffinity(0, sizeof set, &set);
        // On Linux a nice value belongs to the thread.
        if (pool->options_.nice != 0)
          ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), pool->options_.nice);
        pool->work();
      });
  } catch (const std::system_error& e) {
    out->stop();
    return fail(errc::busy, fmt::format("cannot start {} threads: {}", out->count_, e.what()));
  }
  return out;
}

pinned_pool::~pinned_pool() { stop(); }

result<void> pinned_pool::submit(job work, work_priority /*priority*/) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return fail(errc::cancelled, fmt::format("pool {} has stopped", options_.name));
    if (queue_.size() >= options_.queued_max)
      return fail(errc::busy, fmt::format("pool {} has {} jobs waiting", options_.name, queue_.size()));
    queue_.push_back(std::move(work));
  }
  wake_.notify_one();
  return {};
}

void pinned_pool::stop() {
  std::deque<job> dropped;  // destroyed outside the lock: they may own anything
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(queue_);
    threads.swap(threads_);
  }
  wake_.notify_all();
  for (auto& thread : threads) thread.join();
}

void pinned_pool::work() {
  while (true) {
    job next;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      next = std::move(queue_.front());
      queue_.pop_front();
    }
    next();
  }
}

}  // namespace graphite
