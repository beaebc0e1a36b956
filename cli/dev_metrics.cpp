#include "cli/dev_metrics.hpp"

#include <algorithm>

namespace graphite {

namespace {

histogram& stage_series(metrics_registry& registry, const std::string& stage) {
  return registry.make_histogram("graphite_stage_seconds", "Time of one stage of a change", stage_seconds_bounds(),
                                 {{"stage", stage}});
}

counter& diagnostic_series(metrics_registry& registry, const std::string& level) {
  return registry.make_counter("graphite_diagnostics_total", "Warnings and errors reported", {{"level", level}});
}

}  // namespace

dev_metrics::dev_metrics(metrics_registry& registry)
    : notice_(stage_series(registry, "notice")),
      invalidate_(stage_series(registry, "invalidate")),
      schedule_(stage_series(registry, "schedule")),
      build_(stage_series(registry, "build")),
      publish_(stage_series(registry, "publish")),
      whole_(registry.make_histogram("graphite_notice_to_published_seconds", "From the first event to the synced record",
                                     stage_seconds_bounds())),
      generations_(registry.make_counter("graphite_generations_total", "Generations published since the start")),
      changed_(registry.make_counter("graphite_assets_changed_total", "Assets added or changed by generations")),
      removed_(registry.make_counter("graphite_assets_removed_total", "Assets removed by generations")),
      warnings_(diagnostic_series(registry, "warning")),
      errors_(diagnostic_series(registry, "error")),
      assets_(registry.make_gauge("graphite_assets", "Assets of the newest generation")),
      sequence_(registry.make_gauge("graphite_sequence", "Sequence of the newest generation")),
      epoch_(registry.make_gauge("graphite_epoch", "Epoch of the newest generation")) {}

void dev_metrics::stage(histogram& into, time_point from, time_point to) {
  if (to_ns(from) == 0 || to < from) return;  // the change did not pass this stage
  into.observe(std::chrono::duration<double>(to - from).count());
}

void dev_metrics::generation(const head& now, const asset_changes& changes, const stage_times& times) {
  stage(notice_, times.edited, times.hashed);
  stage(invalidate_, times.hashed, times.invalidated);
  stage(schedule_, times.invalidated, times.scheduled);
  stage(build_, times.scheduled, times.built);
  stage(publish_, std::max({times.invalidated, times.scheduled, times.built}), times.published);
  stage(whole_, times.noticed, times.published);
  generations_.add();
  changed_.add(static_cast<double>(changes.upserts.size()));
  removed_.add(static_cast<double>(changes.removals.size()));
  assets_.set(static_cast<double>(now.assets));
  sequence_.set(static_cast<double>(now.sequence.value));
  epoch_.set(static_cast<double>(now.epoch.value));
}

void dev_metrics::diagnostic(const diagnostic_line& line) {
  (line.severity == diagnostic_line::level::error ? errors_ : warnings_).add();
}

}  // namespace graphite
