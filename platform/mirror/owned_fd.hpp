#pragma once

#include <unistd.h>

#include <utility>

namespace graphite {

/// A file descriptor that closes itself.
class owned_fd {
 public:
  owned_fd() = default;
  explicit owned_fd(int descriptor) : descriptor_(descriptor) {}
  owned_fd(owned_fd&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  owned_fd& operator=(owned_fd&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~owned_fd() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const { return descriptor_; }
  bool valid() const { return descriptor_ >= 0; }

 private:
  int descriptor_ = -1;
};

}  // namespace graphite
