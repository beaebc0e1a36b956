#include "actors/jobs/job_desk.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "actors/logger_guard.hpp"

namespace graphite {

namespace {

namespace table_commands = job_commands;

job_call_ptr call_of(std::function<void(job_desk_state&)> what) {
  return std::make_shared<const job_call>(job_call{std::move(what)});
}

}  // namespace

std::function<void(std::function<void(job_desk_state&)>)> job_desk_state::caller() const {
  return [me = job_desk_actor(self)](std::function<void(job_desk_state&)> what) {
    const logger_guard forget;
    caf::anon_send(me, atom::answer_v, call_of(std::move(what)));
  };
}

void job_desk_state::later(duration wait, std::function<void(job_desk_state&)> what) {
  self->delayed_send(self, wait, atom::answer_v, call_of(std::move(what)));
}

void job_desk_state::block(std::function<void()> work) {
  if (with.submit(work)) return;
  later(with.how.look_again, [work](job_desk_state& state) { state.block(work); });
}

// What the table wants.

template <>
void job_desk_state::perform(table_commands::commit& command) {
  auto request = std::make_shared<commit_request>();
  request->rows = std::move(command.rows);
  const auto finish = [this, batch = command.batch](const std::shared_ptr<const error>& failure) {
    if (failure)
      table->commit_failed(batch, *failure, time());
    else
      table->committed(batch, time());
    step();
  };
  self->request(with.views.journal, caf::infinite, atom::commit_v, commit_ptr(std::move(request)))
      .then([finish](const outcome& how) { finish(how.failure); },
            [finish](const caf::error&) {
              finish(std::make_shared<const error>(error{errc::unavailable, "the journal has ended"}));
            });
}

template <>
void job_desk_state::perform(table_commands::saved& command) {
  const auto waiting = submits.extract(command.job);
  if (waiting.empty()) return;
  const auto info = table->status(anybody(), command.job);
  for (const auto& one : waiting.mapped())
    one.done(info.map([&](const job_info& job) { return job_accepted{job, one.known}; }));
}

template <>
void job_desk_state::perform(table_commands::refused& command) {
  const auto waiting = submits.extract(command.job);
  if (waiting.empty()) return;
  for (const auto& one : waiting.mapped()) one.done(tl::unexpected<error>(command.why));
}

template <>
void job_desk_state::perform(table_commands::look& command) {
  look(command.job, command.request);
}

template <>
void job_desk_state::perform(table_commands::looked_at& command) {
  answer_all(looked, command.job);
}

template <>
void job_desk_state::perform(table_commands::plan& command) {
  const auto info = table->status(anybody(), command.job);
  if (!info) return;
  queue.put(command.job, info->tenant, info->priority);
  planned.emplace(command.job, command.request);
  fill_places();
}

template <>
void job_desk_state::perform(table_commands::stop& command) {
  stop(command.job);
}

template <>
void job_desk_state::perform(table_commands::news& command) {
  const auto info = table->status(anybody(), command.job);
  if (info && is_over(info->state)) answer_all(ended, command.job);
  look_at_watchers(command.job);
}

template <>
void job_desk_state::perform(table_commands::forgotten& command) {
  answer_all(ended, command.job);
  look_at_watchers(command.job);
}

template <>
void job_desk_state::perform(table_commands::wake_at& command) {
  wake_at(command.when);
}

void job_desk_state::step() {
  for (auto& command : table->step(time())) std::visit([this](auto& one) { perform(one); }, command);
}

void job_desk_state::wake_at(time_point when) {
  if (wake_set && *wake_set <= when) return;
  wake_set = when;
  self->delayed_send(self, std::max(when - with.views.clock->now(), duration::zero()), atom::wake_v);
}

void job_desk_state::answer_all(std::map<job_id, std::vector<reply<job_info>>>& whom, job_id job) {
  const auto waiting = whom.extract(job);
  if (waiting.empty()) return;
  const auto info = table->status(anybody(), job);
  for (const auto& done : waiting.mapped()) done(info);
}

// Looking what is missing.

void job_desk_state::look(job_id job, const std::shared_ptr<const job_request>& request) {
  block([call = caller(), job, request, stores = with.views.stores, hash = with.views.hash] {
    auto walk = walk_snapshot(*stores, std::nullopt, tree_of(*request), *hash, cancel_token());
    if (walk) walk->changes.clear();  // read again when it is planned
    call([job, request,
          how = std::make_shared<result<snapshot_walk>>(std::move(walk))](job_desk_state& state) {
      if (!*how && passes_by_itself(how->error().code)) {
        // Nothing is known of it: nodes that keep contents may not have dialled yet.
        state.later(state.with.how.look_again,
                    [job, request](job_desk_state& then) { then.look(job, request); });
        return;
      }
      state.looked_at(job, *how);
    });
  });
}

void job_desk_state::looked_at(job_id job, const result<snapshot_walk>& how) {
  if (how) return table->looked(job, how->missing, how->missing_bytes, time());
  fail_job(job, how.error().context);
}

// Who waits for news.

void job_desk_state::look_at_watchers(job_id job) {
  const auto found = watchers.find(job);
  if (found == watchers.end()) return;
  auto& all = found->second;
  for (auto one = all.begin(); one != all.end();)
    one = one->look(*table, false) ? all.erase(one) : std::next(one);
  if (all.empty()) watchers.erase(found);
}

void job_desk_state::watch(job_id job, watcher one) {
  const auto wait = one.until - with.views.clock->now();
  if (one.look(*table, wait <= duration::zero())) return;
  const auto number = one.number = ++last_watcher;
  watchers[job].push_back(std::move(one));
  later(wait, [job, number](job_desk_state& state) {
    const auto found = state.watchers.find(job);
    if (found == state.watchers.end()) return;
    auto& all = found->second;
    const auto which = std::ranges::find(all, number, &watcher::number);
    if (which == all.end()) return;
    (void)which->look(*state.table, true);
    all.erase(which);
    if (all.empty()) state.watchers.erase(found);
  });
}

job_desk_actor::behavior_type job_desk_of(job_desk_actor::stateful_pointer<job_desk_state> self,
                                          job_desk_dependencies with, std::shared_ptr<job_table> table) {
  auto& state = self->state;
  state.self = self;
  state.with = std::move(with);
  state.table = std::move(table);
  state.step();
  return {
      [self](atom::answer, const job_call_ptr& call) {
        call->what(self->state);
        self->state.step();
      },
      [self](atom::wake) {
        self->state.wake_set.reset();
        self->state.step();
      },
      [self](atom::check) {
        self->state.checking = false;
        self->state.look_how_far();
        self->state.step();
      },
  };
}

}  // namespace graphite
