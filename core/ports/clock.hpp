#pragma once

#include "core/units.hpp"

namespace graphite {

/// Where time comes from. Thread-safe.
class clock_source {
 public:
  virtual ~clock_source() = default;
  /// CLOCK_MONOTONIC.
  virtual time_point now() const = 0;
  /// Nanoseconds since 1970, CLOCK_REALTIME: only for people and for comparing with file times.
  virtual std::int64_t unix_ns() const = 0;
};

}  // namespace graphite
