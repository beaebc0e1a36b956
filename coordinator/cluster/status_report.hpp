#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/cluster/dispatch_types.hpp"
#include "core/messages/cluster_report.hpp"

namespace graphite {

/// What people are told of a cluster. Pure; O(nodes and what is listed).
cluster_report report_of(const dispatch_status& status, epoch_number epoch);

/// The report that was made last, as long as making one more would take more than a 200th of the time: it is
/// O(tasks), on the thread that gives them out. One thread.
class kept_report {
 public:
  const cluster_report& get(const std::function<time_point()>& clock,
                            const std::function<cluster_report()>& make);

 private:
  std::optional<cluster_report> last_;
  time_point made_{};
  duration took_{};
};

/// One of it. Errors: not_found (with the names that there are).
result<cluster_node> node_of(const cluster_report& report, const std::string& name);

/// "2 CPU, 4 GiB of memory, gpu=1".
std::string needs_text(const attempt_needs& needs);

/// "2 CPU, 4 GiB, gpu=1, tool cc, os=linux": what an action needs of a node.
std::string needs_text(const control::recipe& recipe, const std::vector<control::property>& platform);

/// One line for the log.
std::string unplaceable_text(const dispatch_commands::unplaceable& what);

}  // namespace graphite
