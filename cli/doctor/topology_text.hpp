#pragma once

#include <string>

#include "cli/doctor/machine_layout.hpp"

namespace graphite::doctor {

/// A drawing of some lines, each ended by a line feed and at most about 100 characters wide: packages, nodes
/// with their memory, cores as `[0 8]` with what may not be used as `(8)`, and the distances of several
/// nodes. Pure.
std::string topology_text(const drawn_machine& machine);

}  // namespace graphite::doctor
