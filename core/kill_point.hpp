#pragma once

#include <atomic>

#include "core/kill_point_names.hpp"

namespace graphite {

/// Which kill point is armed; -1: none. Set once before main() from the environment variable
/// `GRAPHITE_KILL_AT=NAME[:COUNT]` (dies at the COUNT-th pass, default the first). A name that does not
/// exist ends the process at once, so that a test cannot pass because of a spelling mistake.
extern std::atomic<int> armed_kill_point;

/// The slow path: counts down and dies by SIGKILL, as a power cut would have it: no destructor runs.
void pass_armed_kill_point();

/// Arms within the process, for a child after fork().
void arm_kill_point(int index, int count);

}  // namespace graphite

/// Names an instant at which the process may die. One relaxed load and a branch while nothing is armed.
#define GRAPHITE_KILL_POINT(name)                                                                     \
  do {                                                                                                \
    constexpr int kill_point_here = ::graphite::kill_point_index(name);                               \
    static_assert(kill_point_here >= 0, "add the name to core/kill_point_names.hpp");                 \
    if (::graphite::armed_kill_point.load(std::memory_order_relaxed) == kill_point_here) [[unlikely]] \
      ::graphite::pass_armed_kill_point();                                                            \
  } while (false)
