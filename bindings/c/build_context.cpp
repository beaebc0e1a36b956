#include <algorithm>

#include "bindings/c/build_copies.hpp"
#include "bindings/c/build_internal.hpp"

// What a context tells its program.

using namespace graphite;
using namespace graphite::build_api;

namespace graphite::build_api {

graphite_result failed(errc code, const std::string& text) {
  const auto out = static_cast<graphite_result>(code);
  graphite_set_last_error_(out, text.c_str());
  return out;
}
graphite_result failed(const error& why) { return failed(why.code, why.context); }
graphite_result invalid(const char* what) { return failed(errc::invalid_argument, what); }

graphite_log_level level_of(diagnostic_line::level severity) {
  if (severity == diagnostic_line::level::error) return GRAPHITE_LOG_ERROR;
  return severity == diagnostic_line::level::warning ? GRAPHITE_LOG_WARNING : GRAPHITE_LOG_INFO;
}

void callback_log::write(log_level level, std::string_view message) {
  const auto as = static_cast<graphite_log_level>(level);
  if (callback_ == nullptr || as < least_) return;
  calls_.post(
      [call = callback_, to = user_data_, as, text = std::string(message)] { call(as, text.c_str(), to); });
}

}  // namespace graphite::build_api

static_assert(static_cast<int>(log_level::debug) == GRAPHITE_LOG_DEBUG &&
                  static_cast<int>(log_level::error) == GRAPHITE_LOG_ERROR,
              "levels are log_level by number");
static_assert(static_cast<int>(pin_mode::automatic) == GRAPHITE_PIN_AUTO &&
                  static_cast<int>(pin_mode::always) == GRAPHITE_PIN_ALWAYS &&
                  static_cast<int>(pin_mode::never) == GRAPHITE_PIN_NEVER,
              "and these are pin_mode");

namespace {

constexpr std::size_t listed_paths_max = 1'000;

project_options options_of(const char* directory, const graphite_rebuild_config& config) {
  project_options out;
  out.directory = directory;
  if (config.state_directory != nullptr) out.state = config.state_directory;
  out.jobs = config.jobs;
  out.scratch_in_memory = !config.scratch_on_disk;
  out.pin = static_cast<pin_mode>(config.pin);
  return out;
}

/// A generation, as far as it is told.
struct told_generation {
  head now;
  std::vector<std::string> changed, removed;
  std::uint64_t changed_count = 0, removed_count = 0;
  stage_times times;
};

std::uint64_t ns_of(time_point when) { return static_cast<std::uint64_t>(when.time_since_epoch().count()); }

void call_back(const told_generation& what, graphite_generation_callback callback, void* user_data) {
  text_arena texts;
  graphite_rebuild_generation out{};
  out.channel = what.now.channel.c_str();
  out.epoch = what.now.epoch.value;
  out.sequence = what.now.sequence.value;
  out.assets = what.now.assets;
  std::copy(what.now.root.bytes.begin(), what.now.root.bytes.end(), out.root);
  out.changed = texts.list(what.changed);
  out.changed_listed = what.changed.size();
  out.changed_count = what.changed_count;
  out.removed = texts.list(what.removed);
  out.removed_listed = what.removed.size();
  out.removed_count = what.removed_count;
  out.edited_ns = ns_of(what.times.edited);
  out.published_ns = ns_of(what.times.published);
  callback(&out, user_data);
}

}  // namespace

graphite_rebuild_context::graphite_rebuild_context(const char* directory,
                                                   const graphite_rebuild_config& given)
    : config(given), log(config, calls), project(options_of(directory, given), events(), log) {}

graphite_rebuild_context::~graphite_rebuild_context() {
  project.cancel();  // what a callback waits for
  calls.stop();
}

project_events graphite_rebuild_context::events() {
  project_events out;
  out.reading = [this](std::size_t done, std::size_t all, const std::string& path) {
    tell_reading(done, all, path);
  };
  out.running = [this](std::size_t done, std::size_t all, const std::string& path) {
    tell_running(done, all, path);
  };
  out.diagnostic = [this](const diagnostic_line& line) { tell(line); };
  out.generation = [this](const head& now, const asset_changes& changes, const stage_times& times) {
    tell(now, changes, times);
  };
  return out;
}

void graphite_rebuild_context::tell(const diagnostic_line& line) {
  if (config.diagnostic_callback == nullptr) return;
  calls.post([this, line] {
    const graphite_diagnostic out{level_of(line.severity), line.path.c_str(), line.text.c_str()};
    config.diagnostic_callback(&out, config.user_data);
  });
}

void graphite_rebuild_context::tell(const head& now, const asset_changes& changes, const stage_times& times) {
  ++generations;
  if (config.generation_callback == nullptr) return;
  told_generation out;
  out.now = now;
  out.times = times;
  out.changed_count = changes.upserts.size();
  out.removed_count = changes.removals.size();
  for (std::size_t i = 0; i < std::min(changes.upserts.size(), listed_paths_max); ++i)
    out.changed.push_back(changes.upserts[i].path.str());
  for (std::size_t i = 0; i < std::min(changes.removals.size(), listed_paths_max); ++i)
    out.removed.push_back(changes.removals[i].str());
  calls.post([this, out = std::move(out)] { call_back(out, config.generation_callback, config.user_data); });
}

void graphite_rebuild_context::tell_reading(std::size_t done, std::size_t all, const std::string& path) {
  if (config.progress_callback == nullptr) return;
  calls.post_latest([this, done, all, path] {
    const graphite_rebuild_progress out{GRAPHITE_REBUILD_READING, done, all, path.c_str(), nullptr};
    config.progress_callback(&out, config.user_data);
  });
}

void graphite_rebuild_context::tell_running(std::size_t done, std::size_t all, const std::string& path) {
  if (config.progress_callback == nullptr) return;
  calls.post_latest([this, done, all, path] {
    text_arena texts;
    const auto rules = project.config();
    const auto rule = describe_rule(rules ? rules->rule_for(path) : nullptr, texts);
    const graphite_rebuild_task task{path.c_str(), this, &rule, "", false};
    const graphite_rebuild_progress out{GRAPHITE_REBUILD_RUNNING, done, all, path.c_str(), &task};
    config.progress_callback(&out, config.user_data);
  });
}
