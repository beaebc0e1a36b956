#pragma once

#include <cstddef>
#include <string>

#include "core/affinity.hpp"
#include "core/ports/memory_placement.hpp"

namespace graphite {

/// What a program makes of its machine at the start: what `status` and `doctor` print.
struct machine_plan {
  machine_topology topology{};
  affinity_plan affinity{};
  std::string placement_reason{};  ///< why memory cannot be placed on nodes; empty: it can
  std::string warning{};  ///< the topology could not be read: all is taken as one domain; empty: it could
};

/// Reads this machine's topology and plans `jobs` threads (0: as plan_affinity() does); never fails. Up to
/// some milliseconds: once, at the start.
machine_plan make_machine_plan(pin_mode mode, std::size_t jobs);

/// The same of other adapters.
machine_plan make_machine_plan(const topology_source& source, const memory_placement& placement,
                               pin_mode mode, std::size_t jobs);

}  // namespace graphite
