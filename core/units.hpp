#pragma once

#include <chrono>
#include <cstdint>

namespace graphite {

inline constexpr std::uint64_t KiB = 1024;
inline constexpr std::uint64_t MiB = 1024 * KiB;
inline constexpr std::uint64_t GiB = 1024 * MiB;

/// Monotonic time since boot (CLOCK_MONOTONIC), comparable between processes of one machine.
using time_point = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;
using duration = std::chrono::nanoseconds;

inline std::int64_t to_ns(time_point t) { return t.time_since_epoch().count(); }
inline time_point time_from_ns(std::int64_t ns) { return time_point(duration(ns)); }

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Of times in nanoseconds since 1970.
inline constexpr std::int64_t ns_per_day = 86'400'000'000'000;

}  // namespace graphite
