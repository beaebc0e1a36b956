#pragma once

#include <string>

#include "cli/console.hpp"
#include "core/messages/cluster_report.hpp"

namespace graphite {

/// "node-3: draining, 2 domains, 4 running, 8 CPU in use of 16"; without what it has where it is away.
std::string node_text(const cluster_node& node);

/// For `graphite status`.
void print_cluster(console& out, const cluster_report& cluster);

}  // namespace graphite
