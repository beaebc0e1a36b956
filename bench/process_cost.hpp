#pragma once

#include <sys/types.h>

#include <cstdint>

namespace graphite::bench {

/// What a process and all its threads took so far.
struct process_cost {
  double cpu_us = 0;
  std::uint64_t switches = 0;  ///< context switches, wanted and forced

  process_cost& operator+=(const process_cost& other) {
    cpu_us += other.cpu_us;
    switches += other.switches;
    return *this;
  }
  friend process_cost operator-(process_cost a, const process_cost& b) {
    a.cpu_us -= b.cpu_us;
    a.switches -= b.switches;
    return a;
  }
};

/// From /proc; threads that have ended are left out. Zeros where there is no such process.
process_cost cost_of(pid_t process);

}  // namespace graphite::bench
