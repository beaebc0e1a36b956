#pragma once

namespace graphite::test {

/// Files of tests/numa/data: hwloc's XML.
extern const char* const virtual_machine;
extern const char* const two_sockets_of_clusters;

}  // namespace graphite::test
