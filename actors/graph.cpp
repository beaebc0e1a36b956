#include "actors/graph.hpp"

#include "actors/generation_rows.hpp"
#include "actors/graph_queries.hpp"

namespace graphite {

using self_pointer = graph_actor::stateful_pointer<graph_state>;

namespace {

void put_behind(graph_state& state, engine_command_list commands) {
  state.todo.insert(state.todo.end(), std::make_move_iterator(commands.begin()),
                    std::make_move_iterator(commands.end()));
}

void perform(self_pointer self, engine_commands::start_attempt& command) {
  auto& state = self->state;
  const auto key = std::pair(command.spec.action.value, command.spec.attempt.value);
  const auto domain = state.running.size() % state.with.domains.size();
  const auto now = state.engine->status();
  state.stir(command.spec.cause);
  state.recorder.started(command.spec, state.with.clock->now());
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

/// Rows that tell of an action's last key follow the ones that are stored: one lookup for each.
void follow_history(const graph_state& state, std::vector<row_write>& rows) {
  for (auto& row : rows) {
    if (row.where != table::history || !row.value || row.key.front() != 'a') continue;
    auto stored = state.with.rows->get(table::history, row.key);
    if (stored) row.value = following_row(*stored, std::move(*row.value));
  }
}

void tell_wall_clock(graph_state& state) {
  state.engine->set_wall_clock(static_cast<std::uint64_t>(state.with.clock->unix_ns() / 1'000'000));
}

void perform(self_pointer self, engine_commands::cache_lookup& command) {
  self->state.lookups.push_back(command);
}

/// Of lookups that wait, many at once.
void read_rows(graph_state& state) {
  std::vector<std::optional<std::string>> rows;
  for (const auto& asked : state.lookups) {
    if (rows.size() == graph_state::lookups_at_once_max) break;
    auto row = state.with.rows->get(table::action_cache, as_text(as_bytes(asked.weak_key)));
    if (!row) state.with.log->warn("action cache: {}", row.error().context);
    rows.push_back(row ? std::move(*row) : std::nullopt);
  }
  for (auto& usable : state.with.usable_results(std::move(rows)))
    state.rows_read.push_back(std::move(usable));
}

void answer_next_lookup(graph_state& state) {
  if (state.rows_read.empty()) read_rows(state);
  const auto asked = state.lookups.front();
  state.lookups.pop_front();
  const auto usable = std::move(state.rows_read.front());
  state.rows_read.pop_front();
  tell_wall_clock(state);
  std::optional<std::string_view> answer;
  if (usable) answer = *usable;
  put_behind(state,
             state.engine->cache_answer(asked.action, asked.weak_key, answer, state.with.clock->now()));
}

row_write publication_row(const graph_state& state) {
  return {table::meta, std::string(publication_row_key), state.newest_id};
}

/// Rows say which publications they take for shown: after a crash that kept one of these from a channel, the
/// next start sees it.
void persist(self_pointer self, std::vector<row_write> rows) {
  if (!self->state.newest_id.empty()) rows.push_back(publication_row(self->state));
  auto request = std::make_shared<const commit_request>(commit_request{std::move(rows), false});
  self->send(self->state.with.journal, atom::persist_v, std::move(request));
}

void send_held_rows(self_pointer self) {
  auto& state = self->state;
  if (state.published != state.publications_answered || state.held_rows.empty()) return;
  persist(self, std::exchange(state.held_rows, {}));
}

void give_id(graph_state& state) {
  state.newest_id = std::to_string(state.with.epoch.value) + "." + std::to_string(++state.given_ids);
}

void send_to_channel(self_pointer self, std::size_t number, publication_ptr what) {
  ++self->state.published;
  self->request(self->state.with.channels[number], caf::infinite, atom::publish_v, std::move(what))
      .then([self, number](const publish_outcome& how) {
        auto& now = self->state;
        ++now.publications_answered;
        now.publish_failure = how.failure;
        if (number == 0 && how.generation) {
          now.newest = how.generation;
          now.recorder.published(how.generation->sequence.value, now.with.clock->now());
        }
        send_held_rows(self);
        answer_builds(now);
      });
}

/// Every channel gets the publication; its rows are committed by the first.
void perform(self_pointer self, engine_commands::publish& command) {
  auto& state = self->state;
  follow_history(state, command.what.rows);
  auto what = std::make_shared<publication>(std::move(command.what));
  give_id(state);
  what->id = state.newest_id;
  auto without_rows = std::make_shared<publication>(*what);
  without_rows->rows.clear();
  what->rows.insert(what->rows.begin(), std::make_move_iterator(state.held_rows.begin()),
                    std::make_move_iterator(state.held_rows.end()));
  what->rows.push_back(publication_row(state));
  state.held_rows.clear();
  send_to_channel(self, 0, what);
  for (std::size_t i = 1; i < state.with.channels.size(); ++i) send_to_channel(self, i, without_rows);
}

/// Channels that may show something else than the engine takes for shown are told all of it.
void bring_in_step(self_pointer self) {
  auto& state = self->state;
  if (state.astray.empty()) return;
  auto what = std::make_shared<publication>(state.engine->shown());
  if (state.newest_id.empty()) {
    give_id(state);
    persist(self, {});
  }
  what->id = state.newest_id;
  for (const auto number : std::exchange(state.astray, {})) {
    state.with.log->info("channel number {} is compared with all assets", number + 1);
    send_to_channel(self, number, what);
  }
}

void perform(self_pointer self, engine_commands::persist& command) {
  follow_history(self->state, command.rows);
  // The engine takes what it gave out for shown. Rows that say so must not reach the disk before the
  // publication does: after a crash in between the change would never be seen again.
  auto& held = self->state.held_rows;
  held.insert(held.end(), std::make_move_iterator(command.rows.begin()),
              std::make_move_iterator(command.rows.end()));
  send_held_rows(self);
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
  self->state.with.on_idle(totals, self->state.engine->status());
  bring_in_step(self);
}

/// Of a build, for people.
std::string cause_of(const revision& what) {
  if (what.complete_scan) return "the files were looked through";
  if (what.changes.empty()) return "a revision";
  const auto more = what.changes.size() - 1;
  return "edit: " + what.changes.front().path.str() +
         (more == 0 ? "" : " and " + std::to_string(more) + " more");
}

/// True where contents were lost: what is missing is being made again.
bool recover(self_pointer self) {
  auto& state = self->state;
  if (!state.watch || !state.with.losses()) return false;
  state.with.log->warn("contents were lost: what is missing is made again");
  auto paths = state.engine->sources_not_stored(state.with.stored);
  self->send(state.watch, atom::rescan_v, std::make_shared<const std::vector<std::string>>(std::move(paths)));
  execute(self, state.engine->contents_lost(state.with.stored, state.with.clock->now()));
  return true;
}

}  // namespace

/// All that the engine gave is done before it is asked on, so that no publication overtakes one that was made
/// before it; and while it waits for the cache nobody may take it for idle.
void execute(self_pointer self, engine_command_list commands) {
  auto& state = self->state;
  put_behind(state, std::move(commands));
  while (!state.todo.empty() || !state.lookups.empty()) {
    if (state.todo.empty()) {
      answer_next_lookup(state);
      continue;
    }
    auto command = std::move(state.todo.front());
    state.todo.pop_front();
    std::visit([self](auto& one) { perform(self, one); }, command);
  }
  answer_builds(state);
}

bool graph_state::idle() const {
  const auto now = engine->status();
  return seen_revision && now.running == 0 && now.queued == 0 && now.retried == 0;
}

void graph_state::note(const engine_commands::diagnostic& line) {
  using level = diagnostic_line::level;
  const auto severity = line.level == log_level::error     ? level::error
                        : line.level == log_level::warning ? level::warning
                                                           : level::info;
  if (line.standing && line.message.empty()) {
    standing.erase(line.path);
    return;
  }
  const diagnostic_line said{severity, line.path, line.message};
  with.on_diagnostic(said);
  if (line.standing) {
    if (standing.size() < standing_max) standing[line.path].push_back(said);
    return;
  }
  diagnostics.push_back(said);
  if (diagnostics.size() > diagnostics_max) diagnostics.pop_front();
}

// As CAF hands them over.
// NOLINTNEXTLINE(performance-unnecessary-value-param)
graph_actor::behavior_type dependency_graph(self_pointer self, graph_dependencies with,
                                            std::shared_ptr<build_engine> engine,
                                            engine_command_list loaded) {
  self->state.with = std::move(with);
  self->state.engine.emplace(std::move(*engine));
  self->state.newest = self->state.with.newest;
  self->state.newest_id = self->state.with.published;
  self->state.astray = self->state.with.astray;
  execute(self, std::move(loaded));
  return {
      [self](atom::revise, const revision_ptr& what) {
        auto& state = self->state;
        state.seen_revision = true;
        state.stir(cause_of(*what));
        execute(self, state.engine->apply(*what, state.with.clock->now()));
      },
      [self](atom::finish, const attempt_result_ptr& how) {
        auto& state = self->state;
        state.running.erase({how->action.value, how->attempt.value});
        tell_wall_clock(state);
        state.recorder.ended(*how, state.with.clock->now());
        execute(self, state.engine->finished(*how, state.with.clock->now()));
      },
      [self](atom::watch, const watcher_actor& watch) { self->state.watch = watch; },
      [self](atom::rest) { answer_builds(self->state); },
      [self](atom::answer, const query_ptr& asked) {
        // A build is asked for again once the sources that were lost have been read.
        if (std::holds_alternative<query::build>(asked->what) && recover(self))
          return self->send(self->state.watch, atom::sync_v, asked);
        std::visit([&](const auto& what) { answer_query(self, asked, what); }, asked->what);
      },
      [self](atom::wake, std::uint64_t generation) {
        auto& state = self->state;
        if (generation == state.wake_generation) execute(self, state.engine->tick(state.with.clock->now()));
      },
      [self](atom::notice, const std::string& path, const std::string& text) {
        self->state.note({log_level::warning, path, {}, true});
        if (!text.empty()) self->state.note({log_level::warning, path, text, true});
      },
  };
}

}  // namespace graphite
