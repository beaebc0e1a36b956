#include "actors/cluster/dispatch.hpp"

#include "schemas/codec/control_messages.hpp"

namespace graphite {

namespace {

namespace commands = dispatch_commands;
using dispatch_pointer = dispatch_actor::stateful_pointer<dispatch_state>;

void take_step(dispatch_pointer self);

void step_later(dispatch_pointer self) {
  if (!std::exchange(self->state.step_is_due, true)) self->send(self, atom::check_v);
}

/// After the messages that wait already, but not after any number of them. Not amid a step: its commands are
/// carried out first.
void step_soon(dispatch_pointer self) {
  if (++self->state.since_step >= dispatch_state::messages_before_step_max)
    take_step(self);
  else
    step_later(self);
}

void say_to_gate(dispatch_pointer self, control_frame&& frame) {
  caf::anon_send(self->state.gate, atom::control_v, std::make_shared<const control_frame>(std::move(frame)));
}

/// Sees to it that a wake message comes when the dispatcher wants it, without one for each wish.
void set_wake(dispatch_pointer self, time_point now) {
  auto& state = self->state;
  if (!state.wake_wanted || (state.wake_set && *state.wake_set <= *state.wake_wanted)) return;
  state.wake_set = state.wake_wanted;
  self->delayed_send(self, std::max(*state.wake_wanted - now, duration::zero()), atom::wake_v);
}

void perform(dispatch_pointer self, commands::send& command) {
  const auto bytes = encode(command.what);
  say_to_gate(self, {command.link.value, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, false});
}

void perform(dispatch_pointer self, commands::hang_up& command) {
  say_to_gate(self, {command.link.value, command.why.context, true});
}

void perform(dispatch_pointer self, commands::commit& command) {
  auto request = std::make_shared<commit_request>();
  request->rows = self->state.with.rows_of(*command.what);
  const auto finish = [self, number = command.what->number](const result<void>& how) {
    const auto trouble = how ? std::string() : how.error().context;
    if (trouble != std::exchange(self->state.trouble, trouble) && !trouble.empty())
      self->state.with.log->error("results of nodes wait until the disk takes them: {}", trouble);
    self->state.desk->core.committed(number, how, self->state.with.clock->now());
    step_soon(self);
  };
  self->request(self->state.with.journal, caf::infinite, atom::commit_v, commit_ptr(std::move(request)))
      .then(
          [finish](const outcome& how) {
            finish(how.failure ? result<void>(tl::unexpected<error>(*how.failure)) : result<void>());
          },
          [finish](const caf::error&) { finish(fail(errc::unavailable, "the journal has ended")); });
}

void perform(dispatch_pointer self, commands::done& command) { self->state.desk->tell(command); }

void perform(dispatch_pointer self, commands::wake_at& command) { self->state.wake_wanted = command.when; }

template <class Command>
void perform(dispatch_pointer self, Command& command) {
  self->state.with.on_event(command, *self->state.desk);
  step_later(self);  // it may have said something to the desk
}

void take_step(dispatch_pointer self) {
  auto& state = self->state;
  state.since_step = 0;
  const auto now = state.with.clock->now();
  for (auto& command : state.desk->core.step(now))
    std::visit([&](auto& one) { perform(self, one); }, command);
  set_wake(self, now);
}

void hear(dispatch_pointer self, const control_event& event) {
  auto& core = self->state.desk->core;
  const link_id link{event.link};
  const auto now = self->state.with.clock->now();
  if (const auto* came = std::get_if<control_event::came>(&event.what)) {
    core.connected(link, came->peer.said.name, now);
  } else if (std::holds_alternative<control_event::gone>(event.what)) {
    core.disconnected(link, now);
  } else {
    auto message = decode_to_coordinator(std::as_bytes(std::span(std::get<std::string>(event.what))));
    if (message) {
      core.received(link, std::move(*message), now);
    } else {
      core.disconnected(link, now);
      say_to_gate(self, {event.link, message.error().context, true});
    }
  }
}

}  // namespace

dispatch_actor::behavior_type dispatch(dispatch_actor::stateful_pointer<dispatch_state> self,
                                       dispatch_dependencies with, std::shared_ptr<dispatch_desk> desk) {
  auto& state = self->state;
  state.with = std::move(with);
  state.desk = std::move(desk);
  return {
      [self](atom::control, const control_event_ptr& event) {
        hear(self, *event);
        step_soon(self);
      },
      [self](atom::dial, caf::actor gate) {
        self->state.gate = std::move(gate);
        step_soon(self);
      },
      [self](atom::answer, const dispatch_call_ptr& call) {
        call->what(*self->state.desk, self->state.with.clock->now());
        step_soon(self);
      },
      [self](atom::check) {
        self->state.step_is_due = false;
        take_step(self);
      },
      [self](atom::wake) {
        self->state.wake_set.reset();
        if (const auto wanted = self->state.wake_wanted; wanted && self->state.with.clock->now() >= *wanted) {
          self->state.wake_wanted.reset();
          step_soon(self);
        } else {
          set_wake(self, self->state.with.clock->now());
        }
      },
  };
}

}  // namespace graphite
