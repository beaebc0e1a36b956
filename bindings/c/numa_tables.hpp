#pragma once

#include "bindings/c/graphite.h"
#include "core/ports/topology.hpp"

namespace graphite::c_api {

/// The tables of a graphite_numa_topology, indexed by the system's numbers: `machine` has a node. They are
/// its owner's until clear_numa_topology(). Throws bad_alloc; then `out` is as it was.
void fill_numa_topology(graphite_numa_topology& out, const machine_topology& machine);

/// Frees the tables, if there are any, and leaves all zeros.
void clear_numa_topology(graphite_numa_topology& topology);

}  // namespace graphite::c_api
