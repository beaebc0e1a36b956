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
  std::map<std::string, digest> tools;           ///< of the view, by name: as they enter keys
  std::vector<control::property> platform = {};  ///< that its nodes must have
  bool cached = true;  ///< false: an attempt is nobody else's, and its result is not kept
  view_traffic traffic;
  /// What no node fits for so long, though some are here, fails; zero: it waits for one.
  duration misfit_patience{};
  /// What was tried too often fails; else it is refused, so that the engine tries it again later.
  bool gives_up = false;
};

using cluster_rebuild_actor = rebuild_actor::extend<
    // INTERNAL: looks for what no node fits.
    caf::reacts_to<atom::check>>;

/// Stands in a rebuild actor's place and gives the attempts of one view to the cluster; the graph does not
/// notice. Its wishes are one job.
///
/// A result that is there already is taken. Inputs are brought to the stores before it is one of the
/// scheduler's tasks, outputs are fetched before the graph hears of them. A task that ends as poison fails
/// with the reason, one that was tried too often is refused or fails, as its dependencies say.
struct cluster_rebuild_state {
  static inline const char* name = "cluster-rebuild";
  cluster_rebuild_state() {}

  using attempt_name = std::pair<std::uint32_t, std::uint32_t>;  ///< action and number
  static constexpr duration look_every = seconds(1);             ///< for what no node fits

  /// Of the dispatch actor's thread, which may outlive the actor.
  struct desk_side {
    struct wish {
      waiter_id waiter;
      recipe_id recipe;  ///< kept until it ends
      std::function<void(attempt_result)> tell;
    };
    std::optional<job_index> job;
    std::map<attempt_name, wish> waiting;
    std::map<recipe_id, time_point> misfits;  ///< that no node fits, since when
  };

  cluster_rebuild_dependencies with;
  std::shared_ptr<desk_side> desk = std::make_shared<desk_side>();
  struct asked {
    graph_actor by;
    cancel_token cancelled;
  };
  std::map<attempt_name, asked> running;
  bool looking = false;  ///< a look for misfits is due
};

cluster_rebuild_actor::behavior_type cluster_rebuild(
    cluster_rebuild_actor::stateful_pointer<cluster_rebuild_state> self, cluster_rebuild_dependencies with);

}  // namespace graphite
