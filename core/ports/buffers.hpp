#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "core/error.hpp"

namespace graphite {

class buffers;

/// Bytes of a pool, given back when it goes. Begins at a page. What is in it is left from whoever had it
/// before.
class buffer {
 public:
  buffer() = default;
  buffer(buffers& home, std::span<std::byte> bytes, void* place)
      : home_(&home), bytes_(bytes), place_(place) {}
  buffer(buffer&& other) noexcept
      : home_(std::exchange(other.home_, nullptr)),
        bytes_(std::exchange(other.bytes_, {})),
        place_(std::exchange(other.place_, nullptr)) {}
  buffer& operator=(buffer&& other) noexcept {
    buffer taken(std::move(other));
    std::swap(home_, taken.home_);
    std::swap(bytes_, taken.bytes_);
    std::swap(place_, taken.place_);
    return *this;
  }
  inline ~buffer();

  /// As many as were asked for, or more: the whole of what was set aside.
  std::span<std::byte> bytes() const { return bytes_; }
  explicit operator bool() const { return home_ != nullptr; }
  /// For the pool it is from.
  void* place() const { return place_; }

 private:
  buffers* home_ = nullptr;
  std::span<std::byte> bytes_{};
  void* place_ = nullptr;
};

struct buffers_facts {
  std::size_t bytes_max = 0;       ///< the bound
  std::size_t bytes_held = 0;      ///< had from the system, in use or not
  std::size_t bytes_in_use = 0;    ///< of buffers that somebody has, as they were set aside
  std::optional<unsigned> node{};  ///< the NUMA node the memory was asked to lie on
  std::string reason{};            ///< why it does not lie there, or not on large pages; empty: it does
};

/// Buffers to read into, decode into and stage in: memory that is there already. Thread-safe; a buffer may be
/// given back by any thread. It outlives its buffers.
///
/// Bound: never holds more than bytes_max.
class buffers {
 public:
  virtual ~buffers() = default;
  /// At least `bytes` of them, at least one. Errors: busy (the bound is reached: give something back first),
  /// too_large (more than could ever be had), out_of_space (the system has no memory).
  virtual result<buffer> take(std::size_t bytes) = 0;
  virtual buffers_facts facts() const = 0;

 private:
  friend class buffer;
  virtual void give_back(std::span<std::byte> bytes, void* place) = 0;
};

buffer::~buffer() {
  if (home_ != nullptr) home_->give_back(bytes_, place_);
}

}  // namespace graphite
