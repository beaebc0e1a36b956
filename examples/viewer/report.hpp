#pragma once

#include <string>

#include "frame_times.hpp"
#include "gallery.hpp"

namespace viewer {

/// One JSON object: frame times, what was shown, and where the pictures of the last frame lie.
std::string report(const frame_times& times, const gallery& pictures, std::uint64_t swaps);

}  // namespace viewer
