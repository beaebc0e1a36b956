#include "actors/watcher.hpp"

#include <deque>

#include "actors/watcher_look.hpp"
#include "actors/watcher_revision.hpp"

namespace graphite {

using self_pointer = watcher_self;

namespace {

/// What the rules are told after all steps of their last answer are done.
using follow_ups = std::deque<std::function<std::vector<revision_step>()>>;

void perform(self_pointer self, revision_command::wake_at& step, follow_ups&) {
  const auto wait = std::max(duration{0}, step.when - self->state.with.clock->now());
  self->delayed_send(self, wait, atom::wake_v, ++self->state.wake_generation);
}

/// Not at once: the disk is still full, the writer still writes.
void reread_later(self_pointer self, std::vector<fs_event> again) {
  if (again.empty()) return;
  self->delayed_send(self, watcher_state::reread_after, atom::notice_v,
                     std::make_shared<const std::vector<fs_event>>(std::move(again)));
}

void perform(self_pointer self, revision_command::close& step, follow_ups&) {
  std::vector<std::string> paths;
  paths.reserve(step.changes.size());
  for (auto& change : step.changes) {
    // What has no logical path cannot be asked whether it is gone.
    const bool stranger = change.kind == change_kind::removed && !logical_path::parse(change.path);
    if (stranger)
      take_back(self, change.path);
    else
      paths.push_back(std::move(change.path));
  }
  std::vector<fs_event> again;
  send_revision(self, std::move(paths), std::move(step.open), step.noticed, again);
  reread_later(self, std::move(again));
}

void perform(self_pointer self, revision_command::ask_open& step, follow_ups& later) {
  const auto path = logical_path::parse(step.path);
  const bool open = path && self->state.with.files->open_for_writing(*path);
  later.push_back([self, open, name = std::move(step.path)] {
    return self->state.builder->open_answer(name, open, self->state.with.clock->now());
  });
}

void perform(self_pointer self, revision_command::rescan& step, follow_ups& later) {
  auto differences = look(self, step.folder);
  later.push_back([self, folder = std::move(step.folder), differences = std::move(differences)] {
    return self->state.builder->rescanned(folder, differences, self->state.with.clock->now());
  });
}

void forward(self_pointer self, const std::string& cookie) {
  const auto found = self->state.waiting.find(cookie);
  if (found == self->state.waiting.end()) return;
  for (const auto& asked : found->second) self->send(self->state.with.graph, atom::answer_v, asked);
  self->state.waiting.erase(found);
}

void perform(self_pointer self, revision_command::caught_up& step, follow_ups&) {
  forward(self, step.cookie);
}

void run_steps(self_pointer self, std::vector<revision_step> steps) {
  follow_ups later;
  while (true) {
    for (auto& step : steps) std::visit([&](auto& one) { perform(self, one, later); }, step);
    if (later.empty()) return;
    steps = later.front()();
    later.pop_front();
  }
}

void check_inputs(self_pointer self, input_news news) {
  if (news == input_news::settled) self->state.with.outdated();
  if (news == input_news::unsettled)
    self->delayed_send(self, self->state.with.config->watch.debounce, atom::check_v, true);
}

bool waits_for_the_revision(const query& asked) {
  return std::holds_alternative<query::build>(asked.what) ||
         std::holds_alternative<query::describe>(asked.what) ||
         std::holds_alternative<query::stale>(asked.what);
}

/// Everything else is answered as soon as the events before its cookie were taken in.
void forward_quick_queries(self_pointer self, const std::vector<fs_event>& events) {
  auto& state = self->state;
  for (const auto& event : events) {
    if (event.kind != fs_event_kind::cookie) continue;
    const auto found = state.waiting.find(event.path);
    if (found == state.waiting.end()) continue;
    auto& queries = found->second;
    for (const auto& asked : queries)
      if (!waits_for_the_revision(*asked)) self->send(state.with.graph, atom::answer_v, asked);
    std::erase_if(queries, [](const query_ptr& asked) { return !waits_for_the_revision(*asked); });
    if (queries.empty()) state.waiting.erase(found);
  }
}

void start(self_pointer self) {
  auto& state = self->state;
  if (state.with.events != nullptr) {
    // Weak: the tree watcher outlives this actor, and a detached actor's thread lives as long as a handle to
    // it.
    auto started = state.with.events->start(
        [me = caf::actor_cast<caf::weak_actor_ptr>(watcher_actor(self))](std::vector<fs_event> events) {
          if (const auto alive = me.lock())
            caf::anon_send(caf::actor_cast<watcher_actor>(alive), atom::notice_v,
                           std::make_shared<const std::vector<fs_event>>(std::move(events)));
        });
    state.with.outdated();  // what changed since the view was set up
    if (!started) {
      state.not_watching = started.error();
      state.not_watching->context = "cannot watch: " + started.error().context;
      complain(self, ".", state.not_watching->context, complaint_book::source::reading);
    }
  }
  const auto noticed = state.with.clock->now();
  std::vector<std::string> paths;
  for (auto& difference : look(self, "")) paths.push_back(std::move(difference.path));
  std::vector<fs_event> again;
  send_revision(self, std::move(paths), {}, noticed, again);
  reread_later(self, std::move(again));
  if (state.with.events != nullptr && state.with.config->watch.rescan.count() > 0)
    self->delayed_send(self, state.with.config->watch.rescan, atom::wake_v, std::uint64_t{0});
}

void add_watch_facts(watcher_state& state, service_status& out) {
  if (state.with.events == nullptr) return;
  const auto now = state.with.events->status();
  out.watch_mode = now.mode == watch_mode::events ? "events" : "polling";
  out.watch_reason = now.reason;
  out.watched_folders = now.folders;
  out.held = state.builder->state().holders > 0;
  if (!state.not_watching) return;
  out.watch_mode = "off";
  out.watch_reason = state.not_watching->context;
}

void answer_hold(self_pointer self, const query::hold& asked) {
  auto& state = self->state;
  const auto token = ++state.holders;
  const auto how_long = asked.timeout > duration{0} ? asked.timeout : watcher_state::hold_for_ever;
  if (!state.builder->hold(token, how_long, state.with.clock->now()))
    return asked.done(fail(errc::busy, "too many holders already"));
  asked.done(token);
  run_steps(self, state.builder->wake(state.with.clock->now()));
}

void end_hold(self_pointer self, const query::release& asked) {
  run_steps(self, self->state.builder->release(asked.token, self->state.with.clock->now()));
  asked.done(true);
}

/// What was saved under the hold belongs to its revision: its events come before a cookie of now.
void answer_release(self_pointer self, const query::release& asked) {
  auto& state = self->state;
  const bool watches = state.with.events != nullptr && !state.not_watching;
  if (!watches || state.releases.size() >= watcher_state::waiting_max) return end_hold(self, asked);
  const auto cookie = state.with.events->write_cookie();
  if (!cookie) return end_hold(self, asked);
  state.releases.emplace(*cookie, asked);
}

void end_holds(self_pointer self, const std::vector<fs_event>& events) {
  for (const auto& event : events) {
    if (event.kind != fs_event_kind::cookie) continue;
    if (const auto due = self->state.releases.extract(event.path)) end_hold(self, due.mapped());
  }
}

void synchronize(self_pointer self, const query_ptr& asked) {
  auto& state = self->state;
  if (const auto* hold = std::get_if<query::hold>(&asked->what)) return answer_hold(self, *hold);
  if (const auto* release = std::get_if<query::release>(&asked->what)) return answer_release(self, *release);
  const auto* status = std::get_if<query::status>(&asked->what);
  if (status != nullptr) add_watch_facts(state, *status->so_far);
  // No answer would be true; only the status says why.
  if (state.not_watching && status == nullptr) return refuse(*asked, *state.not_watching);
  if (state.with.events == nullptr || state.not_watching)
    return self->send(state.with.graph, atom::answer_v, asked);
  if (state.waiting.size() >= watcher_state::waiting_max)
    return refuse(*asked, {errc::busy, "more than 1024 questions wait already"});
  if (waits_for_the_revision(*asked) && state.with.outdated())
    return refuse(*asked, {errc::unavailable,
                           "the project file or a tool has changed: the service starts again with it"});
  const auto cookie = state.with.events->write_cookie();
  if (!cookie) return refuse(*asked, cookie.error());
  state.waiting[*cookie].push_back(asked);
}

revision_options options_of(const watcher_state& state) {
  const auto& with = state.with;
  revision_options out;
  out.known = [&state](std::string_view path) { return state.known->mine().find(path) != nullptr; };
  out.watch = with.config->watch;
  out.role_of = [filter = with.filter](std::string_view path) { return filter->role_of(path); };
  out.settle_of = [config = with.config](std::string_view path) {
    const auto* rule = config->rule_for(path);
    return rule == nullptr ? milliseconds(0) : rule->settle;
  };
  return out;
}

}  // namespace

input_news news_of_inputs(const std::vector<fs_event>& events,
                          const std::function<bool(std::string_view path)>& is_input) {
  auto out = input_news::none;
  for (const auto& event : events) {
    // What is looked at as a whole may have lost the events of its files.
    const bool whole = event.kind == fs_event_kind::overflow || event.kind == fs_event_kind::folder;
    const bool settled = whole || event.kind == fs_event_kind::closed || event.kind == fs_event_kind::moved;
    const bool of_input = event.kind != fs_event_kind::cookie && is_input(event.path);
    const bool left = event.kind == fs_event_kind::moved && is_input(event.old_path);
    if (settled && (whole || of_input)) return input_news::settled;
    if (of_input || left) out = input_news::unsettled;
  }
  return out;
}

watcher_actor::behavior_type watcher(self_pointer self, watcher_dependencies with,
                                     std::shared_ptr<guarded_sources> known) {
  self->state.with = std::move(with);
  self->state.known = std::move(known);
  self->state.builder.emplace(options_of(self->state));
  know_names(self->state);
  return {
      [self](atom::watch) { start(self); },
      [self](atom::sync, const query_ptr& asked) { synchronize(self, asked); },
      [self](atom::rescan, const paths_ptr& paths) {
        std::vector<fs_event> again;
        send_revision(self, *paths, self->state.builder->told_open(), self->state.with.clock->now(), again);
        reread_later(self, std::move(again));
      },
      [self](atom::notice, const events_ptr& events) {
        check_inputs(self, news_of_inputs(*events, self->state.with.is_input));
        run_steps(self, self->state.builder->apply(*events, self->state.with.clock->now()));
        forward_quick_queries(self, *events);
        end_holds(self, *events);
      },
      [self](atom::check, bool settled) {
        check_inputs(self, settled ? input_news::settled : input_news::unsettled);
      },
      [self](atom::wake, std::uint64_t generation) {
        auto& state = self->state;
        if (generation == state.wake_generation)
          run_steps(self, state.builder->wake(state.with.clock->now()));
        if (generation != 0) return;
        start_rescan(self, [self](const std::vector<rescan_change>& differences) {
          auto& now = self->state;
          now.with.outdated();
          run_steps(self, now.builder->rescanned("", differences, now.with.clock->now()));
          self->delayed_send(self, now.with.config->watch.rescan, atom::wake_v, std::uint64_t{0});
        });
      },
  };
}

}  // namespace graphite
