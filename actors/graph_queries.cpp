#include "actors/graph_queries.hpp"

#include <fmt/format.h>

#include <map>
#include <set>

#include "coordinator/channel.hpp"

namespace graphite {

namespace {

build_summary summary_of(const graph_state& state, const graph_state::waiting_build& build) {
  const auto now = state.engine->status();
  build_summary out;
  if (state.newest) out.generation = *state.newest;
  out.assets = now.assets;
  out.ran = state.totals.ran - state.answered.ran;
  out.cached = state.totals.cached - state.answered.cached;
  out.failed = now.failed;
  out.behind = now.behind;
  out.changed_sources = state.engine->counters().source_changes - state.changed_answered;
  out.seconds = std::chrono::duration<double>(state.with.clock->now() - build.since).count();
  out.diagnostics.assign(state.diagnostics.begin(), state.diagnostics.end());
  for (const auto& [path, lines] : state.standing)
    for (const auto& line : lines)
      if (out.diagnostics.size() < graph_state::diagnostics_max) out.diagnostics.push_back(line);
  return out;
}

/// Why assets failed, but not once more what they or their sources have been told of.
void append_failures(const build_engine& engine, build_summary& out) {
  std::map<std::string, std::set<std::string>, std::less<>> told;
  for (const auto& line : out.diagnostics)
    if (line.severity == diagnostic_line::level::error) told[line.path].insert(line.text);
  for (const auto& one : engine.behind().listed) {
    if (out.diagnostics.size() >= graph_state::diagnostics_max) return;
    const auto own = told.find(one.path.str());
    if (one.reason != behind_asset::why::failed || (own != told.end() && own->second.contains(one.message)))
      continue;
    const auto source = engine.main_input_of(one.path);
    out.diagnostics.push_back(
        {diagnostic_line::level::error, one.path.str(),
         source && told.contains(*source) ? fmt::format("not made: {} failed", *source) : one.message});
    if (source) told[*source].insert(one.message);
  }
}

build_summary dry_run_of(const graph_state& state) {
  build_summary out;
  for (const auto& action : state.engine->dry_run())
    out.diagnostics.push_back({diagnostic_line::level::info, action.main_input,
                               action.rule + ": " + action.reason + (action.certain ? "" : " (perhaps)")});
  return out;
}

std::vector<std::string> lines_of(const std::vector<std::vector<std::string>>& cycles) {
  std::vector<std::string> out;
  for (const auto& cycle : cycles) {
    std::string line;
    for (const auto& path : cycle) (line.empty() ? line : line += " -> ") += path;
    out.push_back(std::move(line));
  }
  return out;
}

result<graph_answer> answer_of(const build_engine& engine, const graph_query& asked) {
  if (asked.what == graph_query::kind::cycles) return graph_answer{lines_of(engine.cycles()), 0};
  GRAPHITE_TRY(const auto from, logical_path::parse(asked.from));
  if (asked.what == graph_query::kind::path) {
    GRAPHITE_TRY(const auto to, logical_path::parse(asked.to));
    GRAPHITE_TRY(auto lines, engine.dependency_path(from, to));
    return graph_answer{std::move(lines), 0};
  }
  GRAPHITE_TRY(auto found, asked.what == graph_query::kind::rdeps ? engine.rdeps(from) : engine.deps(from));
  return graph_answer{std::move(found.paths), found.left_out};
}

result<why_answer> why_of(const graph_state& state, const std::string& text) {
  GRAPHITE_TRY(const auto path, logical_path::parse(text));
  history_rows rows;
  while (const auto key = state.engine->wanted_history(path, rows)) {
    GRAPHITE_TRY(rows[*key], state.with.rows->get(table::history, *key));
  }
  GRAPHITE_TRY(auto found, state.engine->why(path, rows));
  why_answer out;
  out.path = found.path;
  out.rule = found.rule;
  out.state = found.state;
  out.message = found.message;
  out.reason = found.reason;
  if (!found.weak.is_zero()) out.weak_key = to_hex(found.weak);
  if (!found.strong.is_zero()) out.strong_key = to_hex(found.strong);
  for (auto& one : found.components) out.key_components.emplace_back(one.name, one.value);
  for (auto& one : found.changed) out.changed.push_back({one.name, one.before, one.after});
  out.changed_left_out = found.changed_left_out;
  out.chain = found.chain;
  if (found.sandbox) out.sandbox = to_string(*found.sandbox);
  return out;
}

std::uint64_t behind_of(const graph_state& state, const channel_spec& spec) {
  if (spec.include.empty() && spec.exclude.empty()) return state.engine->status().behind;
  return state.engine->behind_count([&](std::string_view path) { return shows(spec, path); });
}

/// The channels add what they know one after another, the last of `left` first; then the answer is whole.
void ask_channels(std::vector<channel_actor> left, const query::status& asked) {
  const auto next = std::move(left.back());
  left.pop_back();
  query::status step = asked;
  if (!left.empty())
    step.done = [left = std::move(left), asked](const result<service_status>&) { ask_channels(left, asked); };
  caf::anon_send(next, atom::answer_v, std::make_shared<const query>(query{std::move(step)}));
}

bool is_cancelled(const graph_state::waiting_build& build) {
  return std::get<query::build>(build.asked->what).request.cancel.cancelled();
}

void answer_cancelled(graph_state& state) {
  std::vector<graph_state::waiting_build> ended;
  std::erase_if(state.waiting, [&](const auto& build) {
    if (!is_cancelled(build)) return false;
    ended.push_back(build);
    return true;
  });
  for (const auto& build : ended)
    std::get<query::build>(build.asked->what).done(fail(errc::cancelled, "the build was cancelled"));
}

/// Of an engine that is idle: the builds whose publications are all answered.
void answer_finished(graph_state& state) {
  std::vector<graph_state::waiting_build> ready;
  std::erase_if(state.waiting, [&](const auto& build) {
    if (state.publications_answered < build.published) return false;
    ready.push_back(build);
    return true;
  });
  if (ready.empty()) return;
  for (const auto& build : ready) {
    const auto& asked = std::get<query::build>(build.asked->what);
    if (state.publish_failure) {
      asked.done(tl::unexpected<error>(*state.publish_failure));
      continue;
    }
    auto out = summary_of(state, build);
    append_failures(*state.engine, out);
    asked.done(std::move(out));
  }
  state.diagnostics.clear();
  state.answered = state.totals;
  state.changed_answered = state.engine->counters().source_changes;
}

result<run_options> run_of(const build_request& asked) {
  run_options out;
  if (asked.as_ready) out.mode = engine_options::publishing::as_ready;
  out.keep_going = asked.keep_going || asked.as_ready;
  for (const auto& target : asked.targets) {
    GRAPHITE_TRY(auto path, logical_path::parse(target));
    out.only.push_back(std::move(path));
  }
  return out;
}

/// Ends the engine's rest.
result<void> begin_run(graph_self self, const build_request& asked) {
  auto& state = self->state;
  if (!state.with.on_demand) return {};
  GRAPHITE_TRY(const auto how, run_of(asked));
  GRAPHITE_TRY(auto commands, state.engine->run(how, state.with.clock->now()));
  execute(self, std::move(commands));
  return {};
}

}  // namespace

void answer_builds(graph_state& state) {
  const bool idle = state.idle(), somebody_waited = !state.waiting.empty();
  // Nothing runs any more of what is cancelled when its caller hears of it.
  if (idle || !state.with.on_demand) answer_cancelled(state);
  for (auto& build : state.waiting) {
    // What still ran for it is published by now, too.
    if (idle && build.ran_on) build.published = state.published;
    build.ran_on = !idle;
  }
  if (!idle) return;
  if (state.publications_answered == state.published) {
    if (auto over = state.recorder.rest()) state.with.on_trace(std::move(over), state.traces);
    state.with.on_rest([&state] { return state.engine->held_contents(); });
  }
  answer_finished(state);
  if (state.with.on_demand && somebody_waited && state.waiting.empty()) state.engine->rest();
}

void answer_query(graph_self self, const query_ptr& asked, const query::build& what) {
  auto& state = self->state;
  if (what.request.dry_run) return what.done(dry_run_of(state));
  if (state.waiting.size() >= graph_state::waiting_max)
    return what.done(fail(errc::busy, "more than 1024 builds wait already"));
  if (what.request.cancel.cancelled()) return what.done(fail(errc::cancelled, "the build was cancelled"));
  const auto since = state.with.clock->now();
  state.stir("a build was asked for");
  if (const auto begun = begin_run(self, what.request); !begun)
    return what.done(tl::unexpected<error>(begun.error()));
  state.waiting.push_back({asked, since, false, state.published});
  answer_builds(state);
}

void answer_query(graph_self self, const query_ptr&, const query::status& what) {
  auto& state = self->state;
  auto& out = *what.so_far;
  const auto now = state.engine->status();
  out.sources = now.sources;
  out.assets = now.assets;
  out.actions = now.actions;
  out.stale = now.stale;
  for (const auto& [key, action] : state.running) {
    if (out.running.size() == 100) break;
    out.running.push_back({action.rule, action.path,
                           std::chrono::duration<double>(state.with.clock->now() - action.since).count()});
  }
  const auto behind = state.engine->behind();
  for (const auto& one : behind.listed)
    if (one.reason == behind_asset::why::failed && out.failed.size() < 100)
      out.failed.push_back({one.path.str(), one.message});
  out.failed_count = now.failed;
  for (const auto& spec : state.with.specs)
    out.channels.push_back({spec.name, {}, behind_of(state, spec), 0});
  ask_channels({state.with.channels.rbegin(), state.with.channels.rend()}, what);
}

void answer_query(graph_self self, const query_ptr&, const query::why& what) {
  what.done(why_of(self->state, what.path));
}

void answer_query(graph_self self, const query_ptr&, const query::graph& what) {
  what.done(answer_of(*self->state.engine, what.what));
}

void answer_query(graph_self self, const query_ptr&, const query::describe& what) {
  const auto path = logical_path::parse(what.path);
  if (!path) return what.done(tl::unexpected<error>(path.error()));
  what.done(self->state.engine->describe(*path));
}

void answer_query(graph_self self, const query_ptr&, const query::stale& what) {
  what.done(self->state.engine->stale(what.tasks_max));
}

void answer_query(graph_self self, const query_ptr&, const query::trace& what) {
  what.done(self->state.traces.page(what.build, what.after));
}

void answer_query(graph_self self, const query_ptr&, const query::cancel& what) {
  auto& state = self->state;
  const auto count = std::ranges::count_if(state.waiting, is_cancelled);
  const bool nobody_waits = count == std::ssize(state.waiting);
  if (state.with.on_demand && count > 0 && nobody_waits)
    execute(self, state.engine->cancel(state.with.clock->now()));
  answer_builds(state);
  what.done(count > 0);
}

void answer_query(graph_self self, const query_ptr& asked, const query::rollback&) {
  self->send(self->state.with.channels.front(), atom::answer_v, asked);
}

void answer_query(graph_self self, const query_ptr& asked, const query::diff&) {
  self->send(self->state.with.channels.front(), atom::answer_v, asked);
}

void answer_query(graph_self, const query_ptr&, const query::hold& what) {
  what.done(fail(errc::unsupported, "nothing is watched here"));
}

void answer_query(graph_self, const query_ptr&, const query::release& what) {
  what.done(fail(errc::unsupported, "nothing is watched here"));
}

}  // namespace graphite
