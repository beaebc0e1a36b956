#pragma once

#include <string>
#include <vector>

#include "bench/harness.hpp"

namespace graphite::bench {

/// Pauses of a reading thread while another one swaps to a bundle that it has just opened, so that each swap
/// unmaps the generation before; in turns with those while another process does the same, and while a thread
/// is as busy and swaps nothing. Forks: before this process has threads.
std::vector<figure> measure_unmapping(const std::string& folder, std::size_t windows, std::size_t swaps_each);

}  // namespace graphite::bench
