#pragma once

#include "cli/doctor/memory_checks.hpp"

namespace graphite::doctor {

/// A limit of setrlimit(); none: unlimited.
struct resource_limit {
  std::optional<std::uint64_t> soft{}, hard{};
};

struct limit_report {
  resource_limit open_files{}, processes{}, core{};
  group_limit tasks{};               ///< the control group's: processes and threads
  bool processes_unlimited = false;  ///< who has CAP_SYS_RESOURCE or is root is not held to `processes`
  std::string core_pattern{};        ///< where core files go; empty: not known
};

/// `open_files`, `processes`, `core_files`. Pure.
findings judge_limits(const limit_report& facts);

/// "unlimited" or the number. Pure.
std::string text_of_limit(const std::optional<std::uint64_t>& limit);

}  // namespace graphite::doctor
