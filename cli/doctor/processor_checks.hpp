#pragma once

#include "cli/doctor/finding.hpp"
#include "cli/machine.hpp"
#include "platform/numa/remote_access.hpp"

namespace graphite::doctor {

struct processor_report {
  machine_plan plan{};
  pin_mode pinning = pin_mode::automatic;
  remote_access remote{};
  bool sysfs = true;  ///< /sys tells of processors
};

/// Processors that this process may use. Pure.
std::size_t usable_processors(const machine_topology& machine);

/// `processors`, `processor_quota`, `pinning`, `memory_placement`, `remote_access`. Pure.
findings judge_processors(const processor_report& facts);

}  // namespace graphite::doctor
