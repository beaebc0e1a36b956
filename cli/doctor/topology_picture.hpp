#pragma once

#include <string>
#include <string_view>

#include "cli/doctor/machine_layout.hpp"

namespace graphite::doctor {

/// The machine as a picture: an SVG document that refers to nothing outside. A box for each node with its
/// memory and a cell for each processor, those of a core in one frame; green may be used, grey may not; the
/// distances of several nodes as a table. `caption` stands below the title, as text. Pure.
std::string topology_picture(const drawn_machine& machine, std::string_view caption);

}  // namespace graphite::doctor
