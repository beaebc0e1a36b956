#pragma once

#include "core/error.hpp"

namespace graphite {

/// An eventfd: makes a poll return. set() is thread-safe and safe in a signal handler.
class wake_event {
 public:
  static result<wake_event> make();
  wake_event(wake_event&& other) noexcept;
  wake_event& operator=(wake_event&&) = delete;
  ~wake_event();

  int descriptor() const { return descriptor_; }
  void set() const noexcept;
  /// True where set() was called since the last clear().
  bool clear() const noexcept;

 private:
  explicit wake_event(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace graphite
