#include "actors/cluster/view_port.hpp"

#include "actors/logger_guard.hpp"
#include "schemas/codec/view_messages.hpp"

namespace graphite {

namespace {

std::string view_text(const view_to_watcher& message) {
  const auto bytes = encode(message);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

using port_call = std::function<void(view_port_state&)>;

view_call_ptr call_of(view_port_state* state, port_call what) {
  return std::make_shared<const view_call>(view_call{[state, what = std::move(what)] { what(*state); }});
}

}  // namespace

std::function<void(port_call)> view_port_state::later() const {
  // Weak: views may answer after this actor's end.
  return [me = caf::actor_cast<caf::weak_actor_ptr>(view_port_actor(self)),
          state = const_cast<view_port_state*>(this)](port_call what) {
    const logger_guard forget;
    if (const auto alive = me.lock())
      caf::anon_send(caf::actor_cast<view_port_actor>(alive), atom::answer_v,
                     call_of(state, std::move(what)));
  };
}

void view_port_state::carry_out(view_command_list commands) {
  for (auto& one : commands) std::visit([this](auto& command) { carry_out(command); }, one);
}

void view_port_state::carry_out(view_commands::send& command) {
  caf::anon_send(gate, atom::control_v,
                 std::make_shared<const control_frame>(
                     control_frame{command.link.value, view_text(command.what), false}));
}

void view_port_state::carry_out(view_commands::hang_up& command) {
  with.log->warn("a watcher is left: {}", command.why.context);
  caf::anon_send(
      gate, atom::control_v,
      std::make_shared<const control_frame>(control_frame{command.link.value, command.why.context, true}));
}

void view_port_state::carry_out(view_commands::open& command) {
  with.log->info("view {} is fed by the watcher {}", command.what.view, command.what.watcher);
  with.views->open(command.link.value, command.what,
                   [run = later(), link = command.link](result<content_ref> taken) {
                     run([link, taken = std::move(taken)](view_port_state& state) {
                       state.carry_out(state.sessions->opened(link, taken));
                     });
                   });
}

void view_port_state::carry_out(view_commands::close& command) { with.views->close(command.link.value); }

void view_port_state::carry_out(view_commands::revise& command) {
  with.views->revise(command.link.value, command.revision,
                     [run = later(), link = command.link](views::verdict what) {
                       run([link, what = std::move(what)](view_port_state& state) {
                         state.carry_out(state.sessions->judged(link, what));
                       });
                     });
}

void view_port_state::hear(const control_event& event) {
  const link_id link{event.link};
  if (const auto* came = std::get_if<control_event::came>(&event.what)) {
    sessions->connected(link, came->peer.said.name);
  } else if (std::holds_alternative<control_event::gone>(event.what)) {
    carry_out(sessions->disconnected(link));
  } else {
    const auto message =
        decode_view_to_coordinator(std::as_bytes(std::span(std::get<std::string>(event.what))));
    if (message) return carry_out(sessions->received(link, *message));
    carry_out(sessions->disconnected(link));
    view_commands::hang_up end{link, message.error()};
    carry_out(end);
  }
}

view_port_actor::behavior_type view_port(view_port_actor::stateful_pointer<view_port_state> self,
                                         view_port_dependencies with, view_sessions_options how) {
  self->state.self = self;
  self->state.with = with;
  self->state.sessions.emplace(how);
  return {
      [self](atom::control, const control_event_ptr& event) { self->state.hear(*event); },
      [self](atom::dial, caf::actor gate) { self->state.gate = std::move(gate); },
      [](atom::answer, const view_call_ptr& call) { call->what(); },
      [self](atom::notice, const view_settings_ptr& stores) {
        self->state.carry_out(self->state.sessions->set_stores(*stores));
      },
  };
}

}  // namespace graphite
