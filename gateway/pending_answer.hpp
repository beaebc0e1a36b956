#pragma once

#include <kj/async.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "core/error.hpp"

namespace graphite {

/// Where another thread lays an answer for the loop's thread: the order of the two is our own lock's, not
/// only that inside kj's promise, which race detectors cannot see.
template <class T>
class answer_box {
 public:
  void put(result<T> value) {
    const std::lock_guard lock(mutex_);
    value_.emplace(std::move(value));
  }
  result<T> take() {
    const std::lock_guard lock(mutex_);
    return std::move(value_.value());
  }

 private:
  std::mutex mutex_;
  std::optional<result<T>> value_;
};

/// One question under way on other threads; shared by the copies of its reply, which any thread may call or
/// drop. Counts itself in `outstanding` as long as it lives.
template <class T>
class pending_answer {
 public:
  pending_answer(kj::Own<kj::CrossThreadPromiseFulfiller<void>> fulfiller, std::shared_ptr<answer_box<T>> box,
                 std::shared_ptr<std::atomic<std::uint32_t>> outstanding)
      : fulfiller_(kj::mv(fulfiller)), box_(std::move(box)), outstanding_(std::move(outstanding)) {
    outstanding_->fetch_add(1);
  }
  pending_answer(const pending_answer&) = delete;
  pending_answer& operator=(const pending_answer&) = delete;
  ~pending_answer() {
    answer(fail(errc::unavailable, "the service dropped the question"));
    outstanding_->fetch_sub(1);
  }

  /// The first answer counts.
  void answer(result<T> value) {
    if (answered_.exchange(true)) return;
    box_->put(std::move(value));
    fulfiller_->fulfill();
  }

 private:
  kj::Own<kj::CrossThreadPromiseFulfiller<void>> fulfiller_;
  std::shared_ptr<answer_box<T>> box_;
  std::shared_ptr<std::atomic<std::uint32_t>> outstanding_;
  std::atomic<bool> answered_{false};
};

}  // namespace graphite
