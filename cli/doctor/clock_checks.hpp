#pragma once

#include <chrono>
#include <optional>

#include "cli/doctor/finding.hpp"

namespace graphite::doctor {

struct clock_report {
  std::string source{};                   ///< current_clocksource; empty: not told
  std::vector<std::string> available{};   ///< that could be chosen
  std::chrono::nanoseconds resolution{};  ///< of CLOCK_MONOTONIC
  std::optional<bool> synchronised{};     ///< as adjtimex has it; none: it cannot be asked
  std::chrono::microseconds error_max{};  ///< of the synchronised clock
};

/// `clock_source`, `clock_resolution`, `clock_synchronised`. Pure.
findings judge_clocks(const clock_report& facts);

}  // namespace graphite::doctor
