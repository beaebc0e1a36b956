#include "cli/dev_metrics.hpp"

#include <algorithm>

namespace graphite {

namespace {

histogram& stage_series(metrics_registry& registry, const std::string& stage) {
  return registry.make_histogram("graphite_stage_seconds", "Time of one stage of a change",
                                 stage_seconds_bounds(), {{"stage", stage}});
}

counter& diagnostic_series(metrics_registry& registry, const std::string& level) {
  return registry.make_counter("graphite_diagnostics_total", "Warnings and errors reported",
                               {{"level", level}});
}

counter& action_series(metrics_registry& registry, const std::string& result) {
  return registry.make_counter("graphite_actions_total", "Actions that were brought up to date",
                               {{"result", result}});
}

}  // namespace

dev_metrics::dev_metrics(metrics_registry& registry)
    : registry_(registry),
      notice_(stage_series(registry, "notice")),
      invalidate_(stage_series(registry, "invalidate")),
      schedule_(stage_series(registry, "schedule")),
      build_(stage_series(registry, "build")),
      publish_(stage_series(registry, "publish")),
      whole_(registry.make_histogram("graphite_notice_to_published_seconds",
                                     "From the first event to the synced record", stage_seconds_bounds())),
      generations_(
          registry.make_counter("graphite_generations_total", "Generations published since the start")),
      changed_(
          registry.make_counter("graphite_assets_changed_total", "Assets added or changed by generations")),
      removed_(registry.make_counter("graphite_assets_removed_total", "Assets removed by generations")),
      warnings_(diagnostic_series(registry, "warning")),
      errors_(diagnostic_series(registry, "error")),
      ran_(action_series(registry, "ran")),
      cached_(action_series(registry, "cached")),
      assets_(registry.make_gauge("graphite_assets", "Assets of the newest generation")),
      sequence_(registry.make_gauge("graphite_sequence", "Sequence of the newest generation")),
      epoch_(registry.make_gauge("graphite_epoch", "Epoch of the newest generation")),
      sources_(registry.make_gauge("graphite_sources", "Sources of the view")),
      actions_(registry.make_gauge("graphite_actions", "Actions of the view")),
      stale_(registry.make_gauge("graphite_actions_stale", "Actions that are not up to date")),
      failed_(registry.make_gauge("graphite_failed", "Actions, copies and sources that stand failed")),
      behind_(registry.make_gauge("graphite_assets_behind", "Assets not shown as their sources are")),
      subscribers_(registry.make_gauge("graphite_subscribers", "Subscribers heard of lately")) {}

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

void dev_metrics::settled(const engine_commands::idle& totals, const engine_status& now) {
  const std::lock_guard lock(mutex_);
  ran_.add(static_cast<double>(totals.ran - std::exchange(ran_before_, totals.ran)));
  cached_.add(static_cast<double>(totals.cached - std::exchange(cached_before_, totals.cached)));
  sources_.set(static_cast<double>(now.sources));
  actions_.set(static_cast<double>(now.actions));
  stale_.set(static_cast<double>(now.stale));
  failed_.set(static_cast<double>(now.failed));
  behind_.set(static_cast<double>(now.behind));
}

void dev_metrics::running(std::size_t done, std::size_t all) {
  actions_.set(static_cast<double>(all));
  stale_.set(static_cast<double>(all - std::min(done, all)));
}

void dev_metrics::subscribers(std::size_t count) { subscribers_.set(static_cast<double>(count)); }

void dev_metrics::stores(const std::vector<store_report>& all) {
  for (const auto& one : all) {
    const auto set = [&](const char* name, const char* help, std::uint64_t value) {
      registry_.make_gauge(name, help, {{"store", one.node}}).set(static_cast<double>(value));
    };
    set("graphite_store_up", "Whether the store is here", one.here ? 1 : 0);
    set("graphite_store_contents", "Contents that the store has", one.state.contents);
    set("graphite_store_bytes", "Bytes of them", one.state.bytes);
    set("graphite_store_bytes_max", "Bytes that it may have", one.state.bytes_max);
    set("graphite_store_file_bytes", "Bytes of its files", one.state.file_bytes);
    set("graphite_store_to_check",
        "Contents of which it is not known whether other stores have them as they should",
        one.state.to_check);
    set("graphite_store_copied", "Contents that it copied to other stores since its start", one.state.copied);
    set("graphite_store_copied_bytes", "Bytes of them", one.state.copied_bytes);
    set("graphite_store_dropped", "Contents that collection dropped since its start", one.state.dropped);
    set("graphite_store_dropped_bytes", "Bytes of them", one.state.dropped_bytes);
    set("graphite_store_damaged", "Contents that were found wrong since its start", one.state.damaged);
    set("graphite_store_full", "Whether it takes nothing more", one.state.full ? 1 : 0);
  }
}

void dev_metrics::new_session() {
  const std::lock_guard lock(mutex_);
  ran_before_ = cached_before_ = 0;
}

void dev_metrics::diagnostic(const diagnostic_line& line) {
  (line.severity == diagnostic_line::level::error ? errors_ : warnings_).add();
}

}  // namespace graphite
