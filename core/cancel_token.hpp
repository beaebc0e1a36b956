#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

namespace graphite {

/// A shared flag that asks for an early end. Copies share it. Thread-safe.
class cancel_token {
 public:
  /// Takes its callback back when destroyed; afterwards it does not run any more.
  class subscription;

  cancel_token() : state_(std::make_shared<state>()) {}

  /// Sets the flag and, the first time, runs the callbacks on this thread.
  void cancel() {
    const std::lock_guard lock(state_->mutex);
    if (state_->flag.exchange(true, std::memory_order_acq_rel)) return;
    for (auto& [number, wake] : state_->callbacks) wake();
  }
  bool cancelled() const { return state_->flag.load(std::memory_order_acquire); }

  /// Runs `wake` on cancel(), or now where that was called already. `wake` must be quick and must not use
  /// this token.
  [[nodiscard]] subscription on_cancel(std::function<void()> wake) const;

 private:
  struct state {
    std::atomic<bool> flag{false};
    std::mutex mutex;
    std::uint64_t next = 0;
    std::map<std::uint64_t, std::function<void()>> callbacks;
  };
  std::shared_ptr<state> state_;
};

class cancel_token::subscription {
 public:
  subscription(std::shared_ptr<state> of, std::uint64_t number) : state_(std::move(of)), number_(number) {}
  subscription(subscription&&) = default;
  subscription& operator=(subscription&&) = delete;
  ~subscription() {
    if (!state_) return;
    const std::lock_guard lock(state_->mutex);
    state_->callbacks.erase(number_);
  }

 private:
  std::shared_ptr<state> state_;
  std::uint64_t number_;
};

inline cancel_token::subscription cancel_token::on_cancel(std::function<void()> wake) const {
  const std::lock_guard lock(state_->mutex);
  if (cancelled()) wake();
  const auto number = state_->next++;
  state_->callbacks.emplace(number, std::move(wake));
  return {state_, number};
}

}  // namespace graphite
