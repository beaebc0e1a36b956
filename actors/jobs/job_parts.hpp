#pragma once

#include <functional>

#include "actors/jobs/snapshot_feed.hpp"
#include "coordinator/jobs/job_table.hpp"

/// \file What a coordinator's jobs are made with. CAF's names are not in it.

namespace graphite {

struct job_desk_options {
  job_table_options table;
  std::size_t building_max = 64;    ///< jobs at once, each with a view in memory; others wait their turn
  std::size_t idle_views_max = 16;  ///< kept for their next snapshot
  std::uint64_t idle_sources_max = 2'000'000;  ///< of these together
  duration look_again = seconds(1);            ///< where the stores, or a node, cannot be asked
  /// A job whose tools no node has fails after so long, though nodes are here; an action that fits none, too.
  duration misfit_patience = seconds(60);
  duration progress_every = milliseconds(200);
};

/// All outlive the jobs.
struct job_parts {
  job_desk_options how;
  view_stores* stores = nullptr;  ///< null: no jobs are taken
  const view_setups* setups = nullptr;
  /// Run what blocks: on the way of an attempt, and whole walks through snapshots. Not the same threads, so
  /// that the latter do not keep attempts waiting. False where no more work is taken.
  std::function<bool(std::function<void()>)> quick, slow;
};

}  // namespace graphite
