#pragma once

#include "coordinator/cluster/dispatch_types.hpp"
#include "core/messages/cluster_report.hpp"

namespace graphite {

/// What people are told of a cluster. Pure; O(nodes and what is listed).
cluster_report report_of(const dispatch_status& status, epoch_number epoch);

/// One of it. Errors: not_found (with the names that there are).
result<cluster_node> node_of(const cluster_report& report, const std::string& name);

/// "2 CPU, 4 GiB, gpu=1, tool cc, os=linux": what an action needs of a node.
std::string needs_text(const control::recipe& recipe, const std::vector<control::property>& platform);

/// One line for the log.
std::string unplaceable_text(const dispatch_commands::unplaceable& what);

}  // namespace graphite
