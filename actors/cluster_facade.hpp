#pragma once

#include "actors/facade.hpp"
#include "core/messages/cluster_report.hpp"

namespace graphite {

/// What a coordinator's cluster can be asked, without a word of CAF. Thread-safe; replies may come from any
/// thread.
class cluster_desk {
 public:
  virtual ~cluster_desk() = default;
  virtual void report(reply<cluster_report> done) = 0;
  /// Answers with the node as it is now. Errors: not_found (no node of this name is, or was, here), busy,
  /// unavailable.
  virtual void order(node_order what, reply<cluster_node> done) = 0;
};

}  // namespace graphite
