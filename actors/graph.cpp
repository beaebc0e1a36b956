#include "actors/graph.hpp"

#include "actors/graph_queries.hpp"

namespace graphite {

using self_pointer = graph_actor::stateful_pointer<graph_state>;

namespace {

void execute(self_pointer self, engine_command_list commands);

void perform(self_pointer self, engine_commands::start_attempt& command) {
  auto& state = self->state;
  const auto key = std::pair(command.spec.action.value, command.spec.attempt.value);
  const auto domain = state.running.size() % state.with.domains.size();
  const auto now = state.engine->status();
  state.with.on_running(now.actions - std::min(now.actions, now.stale), now.actions,
                        command.spec.main_input.str());
  state.running[key] = {command.spec.rule, command.spec.main_input.str(), state.with.clock->now(), domain};
  self->send(state.with.domains[domain], atom::attempt_v,
             std::make_shared<const attempt_spec>(std::move(command.spec)), graph_actor(self));
}

void perform(self_pointer self, engine_commands::cancel_attempt& command) {
  const auto found = self->state.running.find({command.action.value, command.attempt.value});
  if (found == self->state.running.end()) return;
  self->send(self->state.with.domains[found->second.domain], atom::cancel_v, command.action.value,
             command.attempt.value);
}

void perform(self_pointer self, engine_commands::cache_lookup& command) {
  auto& state = self->state;
  auto row = state.with.rows->get(table::action_cache, as_text(as_bytes(command.weak_key)));
  if (!row) state.with.log->warn("action cache: {}", row.error().context);
  std::optional<std::string> usable;
  if (row && *row) usable = state.with.usable_results(std::move(**row));
  std::optional<std::string_view> answer;
  if (usable) answer = *usable;
  execute(self,
          state.engine->cache_answer(command.action, command.weak_key, answer, state.with.clock->now()));
}

/// Every channel gets the publication; its rows are committed by the first.
void perform(self_pointer self, engine_commands::publish& command) {
  auto& state = self->state;
  auto what = std::make_shared<publication>(std::move(command.what));
  auto without_rows = state.with.channels.size() > 1 ? std::make_shared<publication>(*what) : nullptr;
  if (without_rows) without_rows->rows.clear();
  for (std::size_t i = 0; i < state.with.channels.size(); ++i) {
    ++state.published;
    publication_ptr sent = i == 0 ? what : without_rows;
    self->request(state.with.channels[i], caf::infinite, atom::publish_v, sent)
        .then([self, i](const publish_outcome& how) {
          auto& now = self->state;
          ++now.publications_answered;
          now.publish_failure = how.failure;
          if (i == 0 && how.generation) now.newest = how.generation;
          answer_builds(now);
        });
  }
}

void perform(self_pointer self, engine_commands::persist& command) {
  auto rows = std::make_shared<const commit_request>(commit_request{std::move(command.rows), false});
  self->send(self->state.with.journal, atom::persist_v, std::move(rows));
}

void perform(self_pointer self, engine_commands::diagnostic& command) { self->state.note(command); }

void perform(self_pointer self, engine_commands::wake_at& command) {
  const auto wait = std::max(duration{0}, command.when - self->state.with.clock->now());
  self->delayed_send(self, wait, atom::wake_v, ++self->state.wake_generation);
}

void perform(self_pointer self, engine_commands::idle& command) {
  auto& totals = self->state.totals;
  command.ran += totals.ran;
  command.cached += totals.cached;
  totals = command;
  self->state.with.on_idle(totals);
}

void execute(self_pointer self, engine_command_list commands) {
  for (auto& command : commands) std::visit([self](auto& one) { perform(self, one); }, command);
  answer_builds(self->state);
}

}  // namespace

bool graph_state::idle() const {
  const auto now = engine->status();
  return seen_revision && now.running == 0 && now.queued == 0;
}

void graph_state::note(const engine_commands::diagnostic& line) {
  using level = diagnostic_line::level;
  const auto severity = line.level == log_level::error     ? level::error
                        : line.level == log_level::warning ? level::warning
                                                           : level::info;
  diagnostics.push_back({severity, line.path, line.message});
  with.on_diagnostic(diagnostics.back());
  if (diagnostics.size() > diagnostics_max) diagnostics.pop_front();
}

graph_actor::behavior_type dependency_graph(self_pointer self, graph_dependencies with,
                                            std::shared_ptr<build_engine> engine,
                                            engine_command_list loaded) {
  self->state.with = std::move(with);
  self->state.engine.emplace(std::move(*engine));
  self->state.newest = self->state.with.newest;
  execute(self, std::move(loaded));
  return {
      [self](atom::revise, const revision_ptr& what) {
        auto& state = self->state;
        state.seen_revision = true;
        state.changed_sources += what->changes.size();
        execute(self, state.engine->apply(*what, state.with.clock->now()));
      },
      [self](atom::finish, const attempt_result_ptr& how) {
        auto& state = self->state;
        state.running.erase({how->action.value, how->attempt.value});
        execute(self, state.engine->finished(*how, state.with.clock->now()));
      },
      [self](atom::answer, const query_ptr& asked) {
        std::visit([&](const auto& what) { answer_query(self, asked, what); }, asked->what);
      },
      [self](atom::wake, std::uint64_t generation) {
        auto& state = self->state;
        if (generation == state.wake_generation) execute(self, state.engine->tick(state.with.clock->now()));
      },
      [self](atom::notice, const std::string& path, const std::string& text) {
        self->state.note({log_level::warning, path, text});
      },
  };
}

}  // namespace graphite
