#include <algorithm>
#include <cstring>

#include "bindings/c/build_copies.hpp"
#include "bindings/c/build_internal.hpp"
#include "bindings/c/signal_shield.hpp"
#include "core/logical_path.hpp"

using namespace graphite;
using namespace graphite::build_api;

namespace {

/// An asset path as the graph knows it: absolute ones are below the root.
result<std::string> logical(const graphite_rebuild_context& context, const char* asset_path) {
  const std::string text = asset_path;
  if (!text.starts_with('/')) return text;
  const auto config = context.project.config();
  const auto root = config ? config->root + "/" : std::string();
  if (root.empty() || !text.starts_with(root))
    return fail(errc::invalid_argument, text + " is not below the project's root " + root);
  return text.substr(root.size());
}

/// The rule that makes or takes an asset: the graph's word, else that of the patterns.
result<const rule_spec*> rule_of(const project& config, const std::string& path,
                                 const result<asset_report>& known) {
  if (!known && known.error().code != errc::not_found) return tl::unexpected<error>(known.error());
  if (!known) return config.rule_for(path);
  const auto named = std::ranges::find(config.rules, known->rule, &rule_spec::name);
  return known->rule.empty() || named == config.rules.end() ? nullptr : &*named;
}

bool is_error(const diagnostic_line& line) { return line.severity == diagnostic_line::level::error; }

/// What is to be said of a build that did not build everything.
std::string complaint_of(graphite_rebuild_context& context, const build_summary& how) {
  std::string out;
  if (const auto first = std::ranges::find_if(how.diagnostics, is_error); first != how.diagnostics.end())
    out = (first->path.empty() ? "" : first->path + ": ") + first->text + "\n";
  else if (const auto left = context.project.stale(); left && !left->tasks.empty())
    out = left->tasks.front().path + ": " + left->tasks.front().reason + "\n";
  return out + std::to_string(how.failed) + " failed, " + std::to_string(how.behind) + " are not shown";
}

void fill(const finished_build& from, graphite_rebuild_summary* out) {
  if (out == nullptr) return;
  const auto size = out->size;
  *out = {};
  out->size = size;
  const auto& how = from.summary;
  out->has_generation = how.generation.has_value();
  if (how.generation) {
    out->epoch = how.generation->epoch.value;
    out->sequence = how.generation->sequence.value;
    std::copy(how.generation->root.bytes.begin(), how.generation->root.bytes.end(), out->root);
  }
  out->assets = how.assets;
  out->ran = how.ran;
  out->cached = how.cached;
  out->failed = how.failed;
  out->behind = how.behind;
  out->changed_sources = how.changed_sources;
  out->elapsed_ns = static_cast<std::uint64_t>(from.elapsed.count());
  out->action_cpu_ns = static_cast<std::uint64_t>(from.action_cpu.count());
}

bool known_size(const graphite_rebuild_summary* summary) {
  return summary == nullptr || summary->size == sizeof(graphite_rebuild_summary);
}

/// Builds, and tells first what had to be told.
result<finished_build> build(graphite_rebuild_context& context, build_request request,
                             graphite_rebuild_summary* summary) {
  auto out = context.project.build(std::move(request));
  context.calls.flush();
  if (out) fill(*out, summary);
  return out;
}

graphite_result build_all(graphite_rebuild_context* context, bool as_ready,
                          graphite_rebuild_summary* summary) {
  return guarded([&] {
    if (context == nullptr) return invalid("a null context");
    if (!known_size(summary)) return invalid("graphite_rebuild_summary: `size` is not that of the structure");
    build_request request;
    request.as_ready = as_ready;
    const auto out = build(*context, std::move(request), summary);
    if (!out) return failed(out.error());
    if (out->summary.failed == 0 && out->summary.behind == 0) return GRAPHITE_SUCCESS;
    return failed(errc::action_failed, complaint_of(*context, out->summary));
  });
}

/// Whether the asset's rule is the one that the caller takes for it; null: he takes any.
result<bool> is_rule(graphite_rebuild_context& context, const std::string& path,
                     const graphite_transform_config* expected) {
  if (expected == nullptr) return true;
  const auto known = context.project.describe(path);
  const auto config = context.project.config();
  GRAPHITE_TRY(const auto* const rule, rule_of(*config, path, known));
  text_arena texts;
  return describe_rule(rule, texts).key == expected->key;
}

/// Whether the one asset is shown as it should be.
graphite_result outcome_of(const result<asset_report>& now) {
  if (!now) return failed(now.error());
  if (!now->stale) return GRAPHITE_SUCCESS;
  return failed(errc::action_failed, now->path + ": " + (now->message.empty() ? now->state : now->message));
}

}  // namespace

void graphite_rebuild_config_init(graphite_rebuild_config* config) {
  if (config == nullptr) return;
  *config = {};
  config->size = sizeof *config;
  config->log_least = GRAPHITE_LOG_WARNING;
}

graphite_result graphite_rebuild_open(const char* project_directory, const graphite_rebuild_config* config,
                                      graphite_rebuild_context** out) {
  return guarded([&] {
    if (out == nullptr) return invalid("graphite_rebuild_open: a null argument");
    *out = nullptr;
    if (project_directory == nullptr) return invalid("graphite_rebuild_open: a null argument");
    graphite_rebuild_config given;
    graphite_rebuild_config_init(&given);
    if (config != nullptr) {
      if (config->size != sizeof *config)
        return invalid("graphite_rebuild_config: `size` is not that of the structure");
      if (config->pin > GRAPHITE_PIN_NEVER)
        return invalid("graphite_rebuild_config: `pin` is none of graphite_pin_mode");
      given = *config;
    }
    const signal_shield shield;
    auto made = std::make_unique<graphite_rebuild_context>(project_directory, given);
    if (const auto opened = made->project.open(); !opened) return failed(opened.error());
    *out = made.release();
    return GRAPHITE_SUCCESS;
  });
}

graphite_result graphite_rebuild_close(graphite_rebuild_context* context) {
  return guarded([&] {
    if (context == nullptr) return GRAPHITE_SUCCESS;
    if (context->calls.is_current())
      return failed(errc::busy, "graphite_rebuild_close: called from a callback of the context");
    delete context;
    return GRAPHITE_SUCCESS;
  });
}

graphite_result graphite_asset_needs_rebuild(graphite_rebuild_context* context, const char* asset_path,
                                             bool* needs_rebuild) {
  return guarded([&] {
    if (needs_rebuild == nullptr) return invalid("graphite_asset_needs_rebuild: a null argument");
    *needs_rebuild = true;
    if (context == nullptr || asset_path == nullptr)
      return invalid("graphite_asset_needs_rebuild: a null argument");
    const auto path = logical(*context, asset_path);
    if (!path) return failed(path.error());
    const auto found = context->project.describe(*path);
    if (!found) return failed(found.error());
    if (found->broken) return failed(errc::action_failed, found->path + ": " + found->message);
    *needs_rebuild = found->stale;
    return GRAPHITE_SUCCESS;
  });
}

graphite_result graphite_asset_describe(graphite_rebuild_context* context, const char* asset_path,
                                        graphite_asset_state* out) {
  return guarded([&] {
    if (out == nullptr) return invalid("graphite_asset_describe: a null argument");
    *out = {};
    if (context == nullptr || asset_path == nullptr)
      return invalid("graphite_asset_describe: a null argument");
    const auto path = logical(*context, asset_path);
    if (!path) return failed(path.error());
    const auto found = context->project.describe(*path);
    if (!found) return failed(found.error());
    give(*found, *out);
    return GRAPHITE_SUCCESS;
  });
}

void graphite_asset_state_free(graphite_asset_state* state) {
  if (state == nullptr) return;
  release(state->owner_);
  *state = {};
}

graphite_result graphite_rebuild_queue(graphite_rebuild_context* context,
                                       graphite_rebuild_task_callback callback, void* user_data,
                                       uint64_t* count) {
  return guarded([&] {
    if (count != nullptr) *count = 0;
    if (context == nullptr) return invalid("graphite_rebuild_queue: a null context");
    const auto found = context->project.stale();
    if (!found) return failed(found.error());
    if (count != nullptr) *count = found->tasks.size() + found->left_out;
    if (callback == nullptr) return GRAPHITE_SUCCESS;
    const auto config = context->project.config();
    for (const auto& task : found->tasks) {
      text_arena texts;
      const auto named = std::ranges::find(config->rules, task.rule, &rule_spec::name);
      const auto rule =
          describe_rule(task.rule.empty() || named == config->rules.end() ? nullptr : &*named, texts);
      const graphite_rebuild_task out{task.path.c_str(), context, &rule, task.reason.c_str(), task.failed};
      callback(&out, user_data);
    }
    return GRAPHITE_SUCCESS;
  });
}

graphite_result graphite_get_transform_config(graphite_rebuild_context* context, const char* asset_path,
                                              graphite_transform_config* out) {
  return guarded([&] {
    if (out == nullptr) return invalid("graphite_get_transform_config: a null argument");
    *out = {};
    if (context == nullptr || asset_path == nullptr)
      return invalid("graphite_get_transform_config: a null argument");
    const auto path = logical(*context, asset_path);
    if (!path) return failed(path.error());
    const auto known = context->project.describe(*path);
    const auto config = context->project.config();
    const auto rule = rule_of(*config, *path, known);
    if (!rule) return failed(rule.error());
    give(*rule, *out);
    return GRAPHITE_SUCCESS;
  });
}

void graphite_transform_config_free(graphite_transform_config* config) {
  if (config == nullptr) return;
  release(config->owner_);
  *config = {};
}

graphite_result graphite_process_rebuild_queue(graphite_rebuild_context* context,
                                               graphite_rebuild_summary* summary) {
  return build_all(context, true, summary);
}

graphite_result graphite_rebuild_build(graphite_rebuild_context* context, graphite_rebuild_summary* summary) {
  return build_all(context, false, summary);
}

graphite_result graphite_apply_transforms(graphite_rebuild_context* context, const char* asset_path,
                                          const graphite_transform_config* transform_config,
                                          graphite_rebuild_summary* summary) {
  return guarded([&] {
    if (context == nullptr || asset_path == nullptr)
      return invalid("graphite_apply_transforms: a null argument");
    if (!known_size(summary)) return invalid("graphite_rebuild_summary: `size` is not that of the structure");
    const auto path = logical(*context, asset_path);
    if (!path) return failed(path.error());
    const auto same = is_rule(*context, *path, transform_config);
    if (!same) return failed(same.error());
    if (!*same) {
      const auto text = "the rule of " + *path + " is another one by now: ask for it again";
      graphite_set_last_error_(GRAPHITE_ERROR_STALE_HANDLE, text.c_str());
      return GRAPHITE_ERROR_STALE_HANDLE;
    }
    build_request request;
    request.as_ready = true;
    request.targets = {*path};
    const auto out = build(*context, std::move(request), summary);
    if (!out) return failed(out.error());
    return outcome_of(context->project.describe(*path));
  });
}

void graphite_rebuild_cancel(graphite_rebuild_context* context) {
  if (context != nullptr) context->project.cancel();
}

graphite_result graphite_rebuild_diagnostics(graphite_rebuild_context* context,
                                             graphite_diagnostic_callback callback, void* user_data) {
  return guarded([&] {
    if (context == nullptr || callback == nullptr)
      return invalid("graphite_rebuild_diagnostics: a null argument");
    for (const auto& line : context->project.diagnostics()) {
      const graphite_diagnostic out{level_of(line.severity), line.path.c_str(), line.text.c_str()};
      callback(&out, user_data);
    }
    return GRAPHITE_SUCCESS;
  });
}

void graphite_rebuild_watch_config_init(graphite_rebuild_watch_config* config) {
  if (config == nullptr) return;
  *config = {};
  config->size = sizeof *config;
}

graphite_result graphite_rebuild_watch(graphite_rebuild_context* context,
                                       const graphite_rebuild_watch_config* config) {
  return guarded([&] {
    if (context == nullptr) return invalid("graphite_rebuild_watch: a null context");
    watch_options how;
    if (config != nullptr) {
      if (config->size != sizeof *config)
        return invalid("graphite_rebuild_watch_config: `size` is not that of the structure");
      how = {config->serve, config->heads_port, config->chunks_port};
    }
    const auto watched = context->project.watch(how);
    return watched ? GRAPHITE_SUCCESS : failed(watched.error());
  });
}

graphite_result graphite_rebuild_unwatch(graphite_rebuild_context* context) {
  return guarded([&] {
    if (context == nullptr) return invalid("graphite_rebuild_unwatch: a null context");
    const auto ended = context->project.unwatch();
    return ended ? GRAPHITE_SUCCESS : failed(ended.error());
  });
}
