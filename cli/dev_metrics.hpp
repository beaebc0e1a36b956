#pragma once

#include <mutex>

#include "actors/facade.hpp"
#include "bundle/asset.hpp"
#include "cli/session_cluster.hpp"
#include "coordinator/engine.hpp"
#include "core/ports/metrics.hpp"
#include "core/stage_times.hpp"

namespace graphite {

/// The figures of /metrics: stages of each change, counts of generations, assets and diagnostics.
/// Thread-safe.
class dev_metrics {
 public:
  /// `registry` outlives the object.
  explicit dev_metrics(metrics_registry& registry);

  void generation(const head& now, const asset_changes& changes, const stage_times& times);
  void diagnostic(const diagnostic_line& line);
  /// Nothing runs any more. The counts of `totals` start with the session.
  void settled(const engine_commands::idle& totals, const engine_status& now);
  /// An action starts while so many of all are up to date.
  void running(std::size_t done, std::size_t all);
  void subscribers(std::size_t count);
  /// What the stores of a cluster said last.
  void stores(const std::vector<store_report>& all);
  /// Another session begins: its totals start at nothing.
  void new_session();

 private:
  void stage(histogram& into, time_point from, time_point to);

  metrics_registry& registry_;
  histogram &notice_, &invalidate_, &schedule_, &build_, &publish_, &whole_;
  counter &generations_, &changed_, &removed_, &warnings_, &errors_;
  counter &ran_, &cached_;
  gauge &assets_, &sequence_, &epoch_, &sources_, &actions_, &stale_, &failed_, &behind_, &subscribers_;
  std::mutex mutex_;
  std::uint64_t ran_before_ = 0, cached_before_ = 0;
};

}  // namespace graphite
