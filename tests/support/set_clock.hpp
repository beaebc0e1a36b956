#pragma once

#include <atomic>

#include "core/ports/clock.hpp"

namespace graphite::test {

/// A clock that goes as it is told. Thread-safe.
class set_clock final : public clock_source {
 public:
  explicit set_clock(std::int64_t unix_ns = 1'700'000'000'000'000'000) : unix_ns_(unix_ns) {}

  time_point now() const override { return time_point(duration(steady_ns_.load())); }
  std::int64_t unix_ns() const override { return unix_ns_; }
  void pass(duration time) {
    steady_ns_ += time.count();
    unix_ns_ += time.count();
  }
  /// The time of day alone.
  void set(std::int64_t unix_ns) { unix_ns_ = unix_ns; }

 private:
  std::atomic<std::int64_t> steady_ns_{1'000'000'000}, unix_ns_;
};

}  // namespace graphite::test
