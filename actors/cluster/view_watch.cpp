#include "actors/cluster/view_watch.hpp"

#include "actors/logger_guard.hpp"
#include "schemas/codec/view_messages.hpp"

namespace graphite {

void view_watch_state::carry_out(feed_command_list commands) {
  for (auto& one : commands) std::visit([this](auto& command) { carry_out(command); }, one);
}

void view_watch_state::carry_out(feed_commands::send& command) {
  if (link == 0) return;  // the feed hears of it next
  const auto bytes = encode(command.what);
  caf::anon_send(dialler, atom::control_v,
                 std::make_shared<const control_frame>(control_frame{
                     link, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, false}));
}

void view_watch_state::carry_out(feed_commands::bring& command) {
  // Weak: the uploads may end later than this actor.
  with.bring(command.thorough, [me = caf::actor_cast<caf::weak_actor_ptr>(view_watch_actor(self)),
                                this](result<view_state> what) {
    const logger_guard forget;
    const auto alive = me.lock();
    if (!alive) return;
    auto call = [this, what = std::move(what)] { carry_out(feed->brought(what, with.clock->now())); };
    caf::anon_send(caf::actor_cast<view_watch_actor>(alive), atom::answer_v,
                   view_call_ptr(std::make_shared<const view_call>(view_call{std::move(call)})));
  });
}

void view_watch_state::carry_out(feed_commands::skip& command) { with.skip(command.what); }
void view_watch_state::carry_out(feed_commands::settle& command) { with.settle(command.now); }
void view_watch_state::carry_out(feed_commands::tell& command) { with.on_tell(command); }

void view_watch_state::carry_out(feed_commands::hang_up& command) {
  if (link != 0)
    caf::anon_send(dialler, atom::control_v,
                   std::make_shared<const control_frame>(control_frame{link, command.why.context, true}));
  link = 0;
  if (command.final) with.on_end(command.why);
}

void view_watch_state::hear(const control_event& event) {
  const auto now = with.clock->now();
  if (std::holds_alternative<control_event::came>(event.what)) {
    link = event.link;
    carry_out(feed->connected(now));
  } else if (event.link != link) {
    return;  // of a connection that was hung up
  } else if (const auto* gone = std::get_if<control_event::gone>(&event.what)) {
    link = 0;
    carry_out(feed->disconnected(gone->why));
  } else {
    const auto message = decode_view_to_watcher(std::as_bytes(std::span(std::get<std::string>(event.what))));
    if (message) return carry_out(feed->received(*message, now));
    feed_commands::hang_up end{message.error()};
    carry_out(end);
    carry_out(feed->disconnected(message.error().context));
  }
}

void view_watch_state::closed(const revision& what) {
  const auto now = with.apply(what);
  if (!now)
    with.log->error("the view has no snapshot: {}", now.error().context);
  else
    carry_out(feed->closed(*now, with.clock->now()));
}

view_watch_actor::behavior_type view_watch(view_watch_actor::stateful_pointer<view_watch_state> self,
                                           view_watch_dependencies with, view_feed_options how) {
  auto& state = self->state;
  state.self = self;
  state.with = std::move(with);
  state.feed.emplace(std::move(how));
  self->delayed_send(self, view_watch_state::tick_every, atom::check_v);
  return {
      [self](atom::revise, const revision_ptr& what) { self->state.closed(*what); },
      [](atom::finish, const attempt_result_ptr&) {},  // nothing is built here
      [](atom::answer, const query_ptr& asked) {
        refuse(*asked, {errc::unsupported, "this process watches for a coordinator: ask that one"});
      },
      [self](atom::watch, const watcher_actor& watcher) { self->state.watcher = watcher; },
      [](atom::rest) {},
      [](atom::wake, std::uint64_t) {},
      [self](atom::notice, const std::string& path, const std::string& why) {
        self->state.with.on_notice(path, why);
      },
      [self](atom::control, const control_event_ptr& event) { self->state.hear(*event); },
      [self](atom::dial, caf::actor dialler) { self->state.dialler = std::move(dialler); },
      [self](atom::rescan, const paths_ptr& paths) {
        if (self->state.watcher) self->send(self->state.watcher, atom::rescan_v, paths);
      },
      [self](atom::check) {
        self->state.carry_out(self->state.feed->tick(self->state.with.clock->now()));
        self->delayed_send(self, view_watch_state::tick_every, atom::check_v);
      },
      [](atom::answer, const view_call_ptr& call) { call->what(); },
  };
}

}  // namespace graphite
