#pragma once

#include <string>
#include <vector>

namespace graphite {

/// One edit to the list of stale actions, at 10^4, 10^5 and 10^6 files and for a hub with 10^5 dependants;
/// and what a loaded engine weighs. Prints its configuration, a table and, last, one JSON object. 0 if it
/// ran.
int run_invalidate_bench(const std::vector<std::string>& arguments);

}  // namespace graphite
