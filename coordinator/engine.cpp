#include "coordinator/engine.hpp"

#include <algorithm>

#include "coordinator/engine_state.hpp"
#include "core/command_environment.hpp"

namespace graphite {

using impl = engine_impl;

namespace {

/// Hash of what decides which rule takes a path and what is read of it: what was saved holds while it is the
/// same.
std::uint64_t rules_hash(const project& config) {
  std::string text;
  for (const auto& rule : config.rules) {
    text += (rule.makes() ? "make\n" : "copy\n");
    for (const auto& pattern : rule.match) text += "+" + pattern.text() + "\n";
    for (const auto& pattern : rule.exclude) text += "-" + pattern.text() + "\n";
    text += rule.publish ? "publish\n" : "keep\n";
    for (const auto& one : rule.references) {
      text += one.scanner + "?" + one.pattern + (one.relative_to == reference_spec::base::root ? "/" : ".") +
              (one.required ? "!" : "") + (one.at_run ? "@" : "") + "\n";
      for (const auto& folder : one.search) text += " " + folder + "\n";
    }
  }
  return id_of_path_text(text).value;
}

void finish_recipe(const engine_options& options, action_recipe recipe, const rule_spec& rule,
                   rule_recipe& made) {
  recipe.outputs = rule.outputs;
  recipe.platform = options.platform;
  recipe.trust_domain = options.config->trust_domain;
  made.key = recipe_key(*options.hash, recipe);
  made.components = components_of(*options.hash, recipe);
}

rule_recipe built_in_recipe(const engine_options& options, const rule_spec& rule) {
  rule_recipe made;
  made.built_in = std::make_shared<const built_in_spec>(*rule.built_in);
  action_recipe recipe;
  recipe.transform = rule.built_in->name;
  recipe.transform_version = rule.built_in->version;
  for (const auto& [name, value] : rule.built_in->options.all()) recipe.options[name] = option_text(value);
  if (const auto found = options.built_with.find(rule.built_in->name); found != options.built_with.end())
    recipe.built_with = found->second;
  recipe.timeout_ms = static_cast<std::uint64_t>(rule.built_in->timeout.count());
  recipe.memory_bytes_max = rule.built_in->memory_bytes_max;
  finish_recipe(options, std::move(recipe), rule, made);
  return made;
}

rule_recipe command_recipe(const engine_options& options, const rule_spec& rule) {
  rule_recipe made;
  made.command = std::make_shared<const command_spec>(rule.command);
  action_recipe recipe;
  recipe.argv = rule.command.argv;
  recipe.worker = rule.command.worker;
  recipe.shell = rule.command.shell;
  recipe.depfile = rule.command.depfile;
  recipe.timeout_ms = static_cast<std::uint64_t>(rule.command.timeout.count());
  recipe.memory_bytes_max = rule.command.memory_bytes_max;
  made.environment = command_environment(rule.command, options.environment);
  recipe.environment = made.environment;
  for (const auto& name : rule.command.tools) {
    if (const auto found = options.tool_digests.find(name); found != options.tool_digests.end()) {
      recipe.tools[name] = found->second;
    } else {
      made.problem = "rule " + rule.name + ": the tool " + name + " was not found on this machine";
    }
  }
  finish_recipe(options, std::move(recipe), rule, made);
  return made;
}

rule_recipe make_recipe(const engine_options& options, const rule_spec& rule) {
  if (rule.built_in) return built_in_recipe(options, rule);
  if (rule.transform == "command") return command_recipe(options, rule);
  rule_recipe made;
  if (rule.makes()) made.problem = "rule " + rule.name + ": unknown transform " + rule.transform;
  return made;
}

}  // namespace

engine_impl::engine_impl(engine_options given)
    : options(std::move(given)),
      config(*options.config),
      backoffs(options.refused_backoff, options.refused_backoff_max),
      components([this](artefact_index a, const std::function<void(artefact_index)>& visit_one) {
        parents_of(a, visit_one);
      }) {
  GRAPHITE_INVARIANT(options.hash != nullptr && config.rules.size() < no_rule);
  for (const auto& rule : config.rules) recipes.push_back(make_recipe(options, rule));
  keeper.rules = rules_hash(config);
}

build_engine::build_engine(engine_options options) : impl_(std::make_unique<impl>(std::move(options))) {
  impl_->loading = true;
}
build_engine::~build_engine() = default;
build_engine::build_engine(build_engine&&) noexcept = default;
build_engine& build_engine::operator=(build_engine&&) noexcept = default;

result<void> build_engine::load_row(table where, std::string_view key, std::string_view value) {
  return impl_->load_row(where, key, value);
}

engine_command_list build_engine::load_finished() {
  impl_->finish_load();
  return std::exchange(impl_->out, {});
}

engine_command_list build_engine::apply(const revision& what, time_point now) {
  impl_->now = now;
  impl_->apply(what);
  return impl_->flush();
}

engine_command_list build_engine::finished(const attempt_result& what, time_point now) {
  impl_->now = now;
  impl_->end_attempt(what);
  return impl_->flush();
}

engine_command_list build_engine::cache_answer(action_id action, const digest& weak_key,
                                               std::optional<std::string_view> row, time_point now) {
  impl_->now = now;
  const auto found = impl_->lookups.find(action.value);
  const bool expected = found != impl_->lookups.end() && found->second.weak == weak_key &&
                        impl_->actions[action.value].phase == action_phase::looking;
  if (expected) impl_->answer(action.value, row);
  return impl_->flush();
}

engine_command_list build_engine::tick(time_point now) {
  impl_->now = now;
  impl_->wake();
  return impl_->flush();
}

void build_engine::set_wall_clock(std::uint64_t unix_ms) { impl_->wall_unix_ms = unix_ms; }

engine_command_list build_engine::contents_lost(const std::function<bool(const digest&)>& stored,
                                                time_point now) {
  impl_->now = now;
  impl_->contents_lost(stored);
  return impl_->flush();
}

void impl::apply(const revision& what) {
  constexpr std::size_t interactive_max = 32;
  if (loading) finish_load();  // nothing was loaded: an empty view
  ++revision_now;
  last_revision = what.id;
  const auto fresh = std::make_shared<revision_stamp>(revision_stamp{what.id, what.trace, what.times});
  stamp = fresh;
  interactive_now = started && !what.complete_scan && what.changes.size() <= interactive_max;
  in_apply = true;
  started = true;
  was_idle = false;
  for (const auto& change : what.changes) change_source(change);
  for (const auto& one : what.unread) note_unread(one);
  if (what.complete_scan) drop_missing(what);
  hold_open(what.open);
  plan_all();
  retry_failed(what);
  in_apply = false;
  fresh->times.invalidated = now;  // the stale set is known: so all say that changed by this
}

/// Nothing new starts.
bool impl::stopped() const { return options.dry || (!options.keep_going && !failures.empty()); }

bool impl::nothing_moves() const {
  return flights.empty() && backoffs.empty() && (stopped() || startable_count() == 0) &&
         lookups.size() == ready.size();
}

engine_command_list impl::flush() {
  while (started && (!evaluate_queue.empty() || !undeclared.empty() || !replan.empty())) {
    plan_all();
    if (evaluate_queue.empty()) continue;
    const auto a = evaluate_queue.front();
    evaluate_queue.pop_front();
    evaluate(a);
  }
  publish_changed();
  start_ready();
  const bool idle = started && nothing_moves();
  if (idle && keeper.deltas[0].size() + keeper.deltas[1].size() > options.delta_rows_max) fold();
  write_rows(nullptr);
  if (const auto when = backoffs.next()) out.push_back(engine_commands::wake_at{*when});
  if (idle && !was_idle) {
    tell_behind();
    out.push_back(engine_commands::idle{asset_count, std::exchange(ran, 0), std::exchange(cached, 0),
                                        failures.size() + failed_assets.size() + unread.size(),
                                        behind_count()});
  }
  was_idle = idle;
  return std::exchange(out, {});
}

}  // namespace graphite
