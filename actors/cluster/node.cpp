#include "actors/cluster/node.hpp"

#include "schemas/codec/control_messages.hpp"

namespace graphite {

namespace {

namespace doing = agent_commands;
using node_pointer = node_actor::stateful_pointer<node_state>;

void carry_out(node_pointer self, doing::send& command) {
  if (self->state.link == 0) return;  // the agent hears of it next
  const auto bytes = encode(command.what);
  caf::anon_send(self->state.dialler, atom::control_v,
                 std::make_shared<const control_frame>(control_frame{
                     self->state.link, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, false}));
}

void carry_out(node_pointer self, doing::start& command) {
  const cancel_token token;
  self->state.running.emplace(command.run, token);
  self->state.with.run(command, token, [me = node_actor(self), run = command.run](control::attempt_end end) {
    auto ended = std::make_shared<ended_run>(ended_run{run, std::move(end)});
    caf::anon_send(me, atom::finish_v, std::move(ended));
  });
}

void carry_out(node_pointer self, doing::cancel& command) {
  const auto found = self->state.running.find(command.run);
  if (found != self->state.running.end()) found->second.cancel();
}

void carry_out(node_pointer self, doing::hang_up& command) {
  auto& state = self->state;
  if (state.link != 0)
    caf::anon_send(
        state.dialler, atom::control_v,
        std::make_shared<const control_frame>(control_frame{state.link, command.why.context, true}));
  state.link = 0;
  if (command.final) state.with.on_end(&command.why);
}

void carry_out(node_pointer self, doing::settle& command) { self->state.with.settle(command.now); }

void carry_out(node_pointer self, doing::answered& command) { self->state.with.answered(command.what); }

void carry_out(node_pointer self, doing::revoke& command) { self->state.with.revoked(command.list); }

void carry_out(node_pointer self, doing::gone&) { self->state.with.on_end(nullptr); }

void carry_out_all(node_pointer self, agent_command_list commands) {
  for (auto& one : commands) std::visit([&](auto& command) { carry_out(self, command); }, one);
}

void hear_coordinator(node_pointer self, const control_event& event) {
  auto& state = self->state;
  const auto now = state.with.clock->now();
  if (std::holds_alternative<control_event::came>(event.what)) {
    state.link = event.link;
    carry_out_all(self, state.agent->connected(now));
  } else if (event.link != state.link) {
    return;  // of a connection that was hung up
  } else if (std::holds_alternative<control_event::gone>(event.what)) {
    state.link = 0;
    carry_out_all(self, state.agent->disconnected());
  } else {
    const auto message = decode_to_node(std::as_bytes(std::span(std::get<std::string>(event.what))));
    if (message) {
      carry_out_all(self, state.agent->received(*message, now));
    } else {
      doing::hang_up end{message.error()};
      carry_out(self, end);
      carry_out_all(self, state.agent->disconnected());
    }
  }
}

void say_ends(node_pointer self) {
  auto& state = self->state;
  if (!state.ends.empty())
    carry_out_all(self, state.agent->ended(std::exchange(state.ends, {}), state.with.clock->now()));
}

}  // namespace

node_actor::behavior_type node(node_actor::stateful_pointer<node_state> self, node_dependencies with,
                               std::shared_ptr<node_agent> agent) {
  self->state.with = std::move(with);
  self->state.agent = std::move(agent);
  self->delayed_send(self, node_state::tick_every, atom::wake_v);
  return {
      [self](atom::control, const control_event_ptr& event) { hear_coordinator(self, *event); },
      [self](atom::dial, caf::actor dialler) { self->state.dialler = std::move(dialler); },
      [self](atom::rest, const std::string& why) {
        say_ends(self);
        carry_out_all(self, self->state.agent->leave(why, self->state.with.clock->now()));
      },
      [self](atom::notice, const store_word_ptr& word) {
        auto& agent = *self->state.agent;
        if (const auto* question = std::get_if<control::need_question>(word.get()))
          carry_out_all(self, agent.ask(*question));
        else
          carry_out_all(self, agent.tell(std::get<control::store_state>(*word)));
      },
      [self](atom::finish, const ended_run_ptr& one) {
        auto& state = self->state;
        state.running.erase(one->run);
        state.ends.emplace_back(one->run, std::move(one->end));
        if (state.ends.size() == 1) self->send(self, atom::check_v);
        if (state.ends.size() >= node_state::ends_max) say_ends(self);
      },
      [self](atom::check) { say_ends(self); },
      [self](atom::wake) {
        carry_out_all(self, self->state.agent->tick(self->state.with.clock->now()));
        self->delayed_send(self, node_state::tick_every, atom::wake_v);
      },
  };
}

}  // namespace graphite
