#include "actors/cluster/control_gate.hpp"

namespace graphite {

namespace {

byte_span bytes_of_text(const std::string& text) { return std::as_bytes(std::span(text)); }

std::string text_of_bytes(const byte_vector& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::optional<control_link> control_gate_state::asking() const {
  const auto& whom = self->current_sender();
  if (!whom) return std::nullopt;
  const auto found = by_peer.find(whom->address());
  return found == by_peer.end() ? std::nullopt : std::optional(found->second);
}

void control_gate_state::forget(control_link which) {
  const auto found = links.find(which);
  if (found == links.end()) return;
  self->demonitor(found->second.whom->address());
  by_peer.erase(found->second.whom->address());
  links.erase(found);
}

/// Its last word. Nothing of it is heard any more; who knew of it is told.
void control_gate_state::refuse(control_link which, const error& why) {
  const auto found = links.find(which);
  if (found == links.end()) return;
  auto& [whom, peer] = found->second;
  const auto who = peer ? fmt::format("{} {}", to_string(peer->said.what), peer->said.name) : "a peer";
  lines->write(log_level::warning, fmt::format("control port: refused {}: {}", who, why.context),
               with.clock->now());
  self->send(caf::actor_cast<caf::actor>(whom), atom::refuse_v, why.context);
  const auto known = peer;
  hello->forget(hello_link{which});
  forget(which);
  if (known)
    self->send(sink_of(*known), atom::control_v,
               std::make_shared<const control_event>(
                   control_event{which, control_event::gone{"refused: " + why.context}}));
}

void control_gate_state::dialled(const caf::strong_actor_ptr& whom) {
  if (!whom) return;
  if (const auto known = asking()) {
    refuse(*known, {errc::invalid_argument, "it dialled twice"});
    return;
  }
  const auto which = ++last;
  self->monitor(whom);
  links.emplace(which, link{whom, std::nullopt});
  by_peer.emplace(whom->address(), which);
  if (links.size() > with.links_max) {
    refuse(which, {errc::busy, "this port has as many connections as it takes"});
    return;
  }
  auto challenge = hello->challenge(hello_link{which}, *with.random, time());
  if (!challenge)
    refuse(which, challenge.error());
  else
    self->send(caf::actor_cast<caf::actor>(whom), atom::hello_v, text_of_bytes(*challenge));
}

void control_gate_state::answered(control_link which, const std::string& text) {
  auto& one = links.at(which);
  auto admitted = hello->answer(hello_link{which}, bytes_of_text(text), with.trust(), time());
  if (!admitted) {
    refuse(which, admitted.error());
    return;
  }
  one.peer = admitted->peer;
  self->send(caf::actor_cast<caf::actor>(one.whom), atom::hello_v, text_of_bytes(admitted->proof));
  self->send(sink_of(*one.peer), atom::control_v,
             std::make_shared<const control_event>(
                 control_event{which, control_event::came{std::move(admitted->peer)}}));
}

void control_gate_state::said(control_link which, std::string text) {
  const auto& peer = links.at(which).peer;
  if (!peer)
    refuse(which, {errc::permission_denied, "it talks before it has proved who it is"});
  else if (text.size() > with.text_bytes_max)
    refuse(which, {errc::too_large,
                   fmt::format("a message of {} bytes; {} are taken", text.size(), with.text_bytes_max)});
  else
    self->send(sink_of(*peer), atom::control_v,
               std::make_shared<const control_event>(control_event{which, std::move(text)}));
}

void control_gate_state::gone(const caf::actor_addr& whom) {
  const auto found = by_peer.find(whom);
  if (found == by_peer.end()) return;
  const auto which = found->second;
  const auto known = links.at(which).peer;
  hello->forget(hello_link{which});
  forget(which);
  if (known)
    self->send(sink_of(*known), atom::control_v,
               std::make_shared<const control_event>(
                   control_event{which, control_event::gone{"the connection has ended"}}));
}

/// Who was late, and whose key has ended.
void control_gate_state::look() {
  const auto at = time();
  for (const auto which : hello->lapse(at.now))
    refuse(which.value, {errc::timed_out, "it did not say in time who it is"});
  const auto trust = with.trust();
  std::vector<std::pair<control_link, error>> ended;
  for (const auto& [which, one] : links) {
    if (!one.peer) continue;
    const auto& said = one.peer->said;
    if (trust.revoked.contains(said.serial))
      ended.emplace_back(which, error{errc::permission_denied,
                                      fmt::format("key {} of {} was revoked", said.serial, said.name)});
    else if (at.unix_ns >= said.valid.until_unix_ns)
      ended.emplace_back(
          which, error{errc::timed_out, fmt::format("key {} of {} has expired", said.serial, said.name)});
  }
  for (const auto& [which, why] : ended) refuse(which, why);
  for (const auto& line : with.refused_by_tls())
    lines->write(log_level::warning, "control port: refused " + line, at.now);
}

caf::behavior control_gate(caf::stateful_actor<control_gate_state>* self, control_gate_dependencies with) {
  auto& state = self->state;
  state.self = self;
  state.with = std::move(with);
  state.hello.emplace(*state.with.self, state.with.hello, *state.with.verifier);
  state.lines.emplace(state.with.log, state.with.refusals, "refused control peers");
  self->set_down_handler([self](const caf::down_msg& down) { self->state.gone(down.source); });
  self->set_default_handler(caf::drop);
  self->delayed_send(self, control_gate_state::look_every, atom::wake_v);
  return {
      [self](atom::dial) { self->state.dialled(self->current_sender()); },
      [self](atom::hello, const std::string& text) {
        const auto which = self->state.asking();
        if (which) self->state.answered(*which, text);
      },
      [self](atom::control, std::string& text) {
        const auto which = self->state.asking();
        if (which) self->state.said(*which, std::move(text));
      },
      [self](atom::control, const control_frame_ptr& frame) {
        const auto found = self->state.links.find(frame->link);
        if (found == self->state.links.end()) return;
        const auto whom = caf::actor_cast<caf::actor>(found->second.whom);
        if (!frame->ends) {
          self->send(whom, atom::control_v, frame->text);
        } else {
          self->send(whom, atom::refuse_v, frame->text);
          self->state.forget(frame->link);
        }
      },
      [self](atom::wake) {
        if (self->current_sender() != self->ctrl()) return;
        self->state.look();
        self->delayed_send(self, control_gate_state::look_every, atom::wake_v);
      },
  };
}

}  // namespace graphite
