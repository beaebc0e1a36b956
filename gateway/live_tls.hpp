#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "platform/crypto/tls_server.hpp"

namespace graphite {

/// What a port meets clients to come with, which may change while it runs. Null: no TLS. Thread-safe.
class live_tls {
 public:
  explicit live_tls(std::shared_ptr<const tls_server> first) : current_(std::move(first)) {}

  std::shared_ptr<const tls_server> now() const {
    const std::lock_guard lock(mutex_);
    return current_;
  }
  void use(std::shared_ptr<const tls_server> next) {
    const std::lock_guard lock(mutex_);
    current_ = std::move(next);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const tls_server> current_;
};

}  // namespace graphite
