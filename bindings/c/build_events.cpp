#include "bindings/c/build_events.hpp"

#include <utility>

#include "platform/linux/thread_name.hpp"

namespace graphite::build_api {

callback_thread::callback_thread()
    : thread_([this] {
        name_thread("graphite-calls");
        work();
      }) {}

void callback_thread::post(call what) { add({std::move(what), false}); }
void callback_thread::post_latest(call what) { add({std::move(what), true}); }

void callback_thread::add(entry what) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  if (what.replaceable && !waiting_.empty() && waiting_.back().replaceable) {
    waiting_.back() = std::move(what);
    return;
  }
  if (waiting_.size() >= waiting_max) {
    ++dropped_;
    return;
  }
  waiting_.push_back(std::move(what));
  ++posted_;
  changed_.notify_all();
}

void callback_thread::flush() {
  if (is_current()) return;
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this, until = posted_] { return called_ >= until || stopping_; });
}

void callback_thread::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    waiting_.clear();
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

std::uint64_t callback_thread::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

void callback_thread::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    const auto what = std::move(waiting_.front().what);
    waiting_.pop_front();
    lock.unlock();
    what();
    lock.lock();
    ++called_;
    changed_.notify_all();
  }
}

}  // namespace graphite::build_api
