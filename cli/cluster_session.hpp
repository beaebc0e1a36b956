#pragma once

#include <cstdint>
#include <string>

#include "cli/session_cluster.hpp"
#include "core/units.hpp"

namespace graphite {

struct cluster_session_options {
  std::string address = "127.0.0.1";  ///< of the control port
  std::uint16_t port = 7401;
  std::string keys;  ///< the part nodes/NAME of a coordinator
  std::uint32_t copies = 1;
  duration patience = seconds(60);    ///< of jobs that need what no node has
  duration store_away = seconds(30);  ///< a store that is away for longer is not waited for
};

/// Errors when it is called: those of load_node_keys, permission_denied (keys of another role), io.
make_session_cluster cluster_of(cluster_session_options options);

}  // namespace graphite
