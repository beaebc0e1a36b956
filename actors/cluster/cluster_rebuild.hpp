#pragma once

#include <map>

#include "actors/cluster/cluster_control.hpp"
#include "actors/cluster/dispatch.hpp"
#include "core/cancel_token.hpp"
#include "core/ports/hasher.hpp"

namespace graphite {

/// What a cluster's rebuild actor works with; outlives it.
struct cluster_rebuild_dependencies {
  dispatch_actor dispatch;
  const hasher* hash = nullptr;
  std::string tenant = "main";
  task_class level = task_class::interactive;
  std::map<std::string, digest> tools;  ///< of the view, by name: as they enter keys
  view_traffic traffic;
};

/// Stands in a rebuild actor's place and gives the attempts of one view to the cluster; the graph does not
/// notice. Its wishes are one job.
///
/// Inputs are brought to the stores before it is one of the scheduler's tasks, outputs are fetched before the
/// graph hears of them. A task that ends as poison fails
/// with the reason, one that was tried too often is refused, so that the engine tries it again later.
struct cluster_rebuild_state {
  static inline const char* name = "cluster-rebuild";
  cluster_rebuild_state() {}

  using attempt_name = std::pair<std::uint32_t, std::uint32_t>;  ///< action and number

  /// Of the dispatch actor's thread, which may outlive the actor.
  struct desk_side {
    std::optional<job_index> job;
    std::map<attempt_name, waiter_id> waiting;
  };

  cluster_rebuild_dependencies with;
  std::shared_ptr<desk_side> desk = std::make_shared<desk_side>();
  struct asked {
    graph_actor by;
    cancel_token cancelled;
  };
  std::map<attempt_name, asked> running;
};

rebuild_actor::behavior_type cluster_rebuild(rebuild_actor::stateful_pointer<cluster_rebuild_state> self,
                                             cluster_rebuild_dependencies with);

}  // namespace graphite
