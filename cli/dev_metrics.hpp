#pragma once

#include "actors/facade.hpp"
#include "bundle/asset.hpp"
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

 private:
  void stage(histogram& into, time_point from, time_point to);

  histogram &notice_, &invalidate_, &schedule_, &build_, &publish_, &whole_;
  counter &generations_, &changed_, &removed_, &warnings_, &errors_;
  gauge &assets_, &sequence_, &epoch_;
};

}  // namespace graphite
