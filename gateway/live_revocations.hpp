#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "core/credentials.hpp"

namespace graphite {

/// What is revoked as of now, for everybody of a process who asks at each call. Thread-safe.
class live_revocations {
 public:
  std::shared_ptr<const revocations_statement> now() const {
    const std::lock_guard lock(mutex_);
    return current_;
  }
  /// Takes a list that was verified; one that is older than what is known changes nothing.
  void update(revocations_statement newer) {
    auto next = std::make_shared<const revocations_statement>(std::move(newer));
    const std::lock_guard lock(mutex_);
    if (next->number > current_->number) current_ = std::move(next);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const revocations_statement> current_ = std::make_shared<const revocations_statement>();
};

}  // namespace graphite
