#pragma once

#include <sys/types.h>

#include <ctime>

#include "core/units.hpp"

namespace graphite {

/// What a process that is not waited for yet has used of processors; zero where it is gone.
inline duration processor_time_of(pid_t pid) {
  clockid_t clock{};
  timespec used{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &used) != 0) return {};
  return seconds(used.tv_sec) + duration(used.tv_nsec);
}

}  // namespace graphite
