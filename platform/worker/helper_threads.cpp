#include "platform/worker/helper_threads.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "platform/linux/cpu_set.hpp"
#include "platform/linux/thread_name.hpp"

namespace graphite {

void helper_threads::start(std::size_t count, std::vector<int> cpus) {
  cpus_ = std::move(cpus);
  pthread_attr_t attributes;
  if (::pthread_attr_init(&attributes) != 0) return;
  ::pthread_attr_setstacksize(&attributes, stack_bytes);
  for (pthread_t one{}; started_ < count; ++started_)
    if (::pthread_create(&one, &attributes, run, this) != 0) break;
  ::pthread_attr_destroy(&attributes);
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return waiting_ == started_; });
}

void helper_threads::allow(std::size_t width) {
  width_ = std::clamp<std::size_t>(width, 1, started_ + 1);
  used_ = false;
}

void* helper_threads::run(void* self) {
  static_cast<helper_threads*>(self)->begin();
  static_cast<helper_threads*>(self)->help();
  return nullptr;
}

void helper_threads::begin() {
  const auto number = ++begun_;
  name_thread(fmt::format("helper-{}", number).c_str());
  // Refused, it runs where its process does.
  if (!cpus_.empty()) (void)bind_to_domain(cpus_, true, number);
}

void helper_threads::help() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++waiting_;
    done_.notify_all();
    wake_.wait(lock, [this] { return wanted_ > 0; });
    --waiting_;
    --wanted_;
    ++at_work_;
    lock.unlock();
    make_calls();
    lock.lock();
    --at_work_;
  }
}

void helper_threads::make_calls() noexcept {
  try {
    for (auto i = next_++; i < count_; i = next_++) (*call_)(i);
  } catch (...) {
    next_ = count_;
    const std::lock_guard lock(mutex_);
    if (!thrown_) thrown_ = std::current_exception();
  }
}

void helper_threads::for_each(std::size_t count, const std::function<void(std::size_t)>& call) {
  const auto helpers = std::min(width_, count) - (count == 0 ? 0 : 1);
  used_ = used_ || helpers > 0;
  {
    const std::lock_guard lock(mutex_);
    GRAPHITE_INVARIANT(call_ == nullptr);
    call_ = &call;
    count_ = count;
    next_ = 0;
    wanted_ = helpers;
  }
  for (std::size_t i = 0; i < helpers; ++i) wake_.notify_one();
  make_calls();
  std::unique_lock lock(mutex_);
  wanted_ = 0;  // who has not begun yet need not
  done_.wait(lock, [this] { return at_work_ == 0; });
  call_ = nullptr;
  if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
}

}  // namespace graphite
