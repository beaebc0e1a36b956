#pragma once

#include <utility>

#include "core/digest.hpp"

namespace graphite {

/// Bytes that nobody but their holder may see: moved, never copied, overwritten at their end. Nothing prints
/// or compares them.
class secret_bytes {
 public:
  secret_bytes() = default;
  explicit secret_bytes(byte_vector bytes) : bytes_(std::move(bytes)) {}
  secret_bytes(secret_bytes&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  secret_bytes& operator=(secret_bytes&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~secret_bytes() {
    volatile std::byte* place = bytes_.data();
    for (std::size_t i = 0; i < bytes_.size(); ++i) place[i] = std::byte{0};
  }

  bool empty() const { return bytes_.empty(); }
  byte_span view() const { return bytes_; }
  secret_bytes copy() const { return secret_bytes(bytes_); }

 private:
  byte_vector bytes_;
};

}  // namespace graphite
