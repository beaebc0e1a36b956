#pragma once

#include "core/ports/clock.hpp"
#include "core/ports/random.hpp"

namespace graphite {

/// CLOCK_MONOTONIC and CLOCK_REALTIME.
class system_clock_source final : public clock_source {
 public:
  time_point now() const override;
  std::int64_t unix_ns() const override;
};

/// getrandom(2). Thread-safe.
class system_random_source final : public random_source {
 public:
  std::uint64_t next() override;
};

/// This boot of this machine: monotonic clocks of processes with the same id can be compared. Zero where
/// the system does not tell.
uuid boot_id();

}  // namespace graphite
