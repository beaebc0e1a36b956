#include "actors/cluster/control_dialler.hpp"

#include "actors/logger_guard.hpp"

namespace graphite {

namespace {

dialling_actor::behavior_type dialling(dialling_actor::pointer self,
                                       const std::function<result<caf::actor>()>& dial) {
  self->set_default_handler(caf::drop);
  return {[dial](atom::dial) -> caf::result<caf::strong_actor_ptr, outcome> {
    auto got = dial();
    if (!got) return {caf::strong_actor_ptr(), outcome{std::make_shared<const error>(got.error())}};
    return {caf::actor_cast<caf::strong_actor_ptr>(*got), outcome{}};
  }};
}

}  // namespace

bool control_dialler_state::is_peer() const {
  return at != stage::away && self->current_sender() && self->current_sender() == peer;
}

void control_dialler_state::tell(control_event&& what) {
  self->send(with.sink, atom::control_v, std::make_shared<const control_event>(std::move(what)));
}

void control_dialler_state::dial() {
  ++link;
  self->request(helper, caf::infinite, atom::dial_v)
      .then(
          [this](const caf::strong_actor_ptr& whom, const outcome& how) {
            if (whom)
              reached(whom);
            else
              lost(how.failure->context, false);
          },
          [this](const caf::error&) { lost("the thread that dials has ended", true); });
}

void control_dialler_state::reached(const caf::strong_actor_ptr& whom) {
  peer = whom;
  at = stage::greeting;
  hello.emplace(*with.self, with.hello, *with.verifier, with.clock->now());
  self->monitor(peer);
  self->send(caf::actor_cast<caf::actor>(peer), atom::dial_v);
  self->delayed_send(self, with.hello.within + seconds(1), atom::check_v, link);
}

void control_dialler_state::greeted(const std::string& text) {
  const auto bytes = std::as_bytes(std::span(text));
  if (at == stage::greeting) {
    auto answer = hello->answer(bytes, *with.random, with.trust(), time());
    if (!answer) return lost(answer.error().context, true);
    at = stage::proving;
    self->send(caf::actor_cast<caf::actor>(peer), atom::hello_v,
               std::string(reinterpret_cast<const char*>(answer->data()), answer->size()));
  } else if (at == stage::proving) {
    auto who = hello->finish(bytes, with.trust(), time());
    if (!who) return lost(who.error().context, true);
    at = stage::open;
    failures = 0;
    said_last.clear();
    tell({link, control_event::came{std::move(*who)}});
  } else {
    lost("the other side greets twice", true);
  }
}

void control_dialler_state::said(std::string text) {
  if (at != stage::open)
    lost("the other side talks before it has proved who it is", true);
  else if (text.size() > with.text_bytes_max)
    lost(fmt::format("the other side sent a message of {} bytes; {} are taken", text.size(),
                     with.text_bytes_max),
         true);
  else
    tell({link, std::move(text)});
}

void control_dialler_state::lost(const std::string& why, bool patiently) {
  const bool was_open = at == stage::open;
  if (peer) self->demonitor(peer->address());
  peer = nullptr;
  hello.reset();
  at = stage::away;
  if (was_open) tell({link, control_event::gone{why}});
  if (with.log != nullptr && why != said_last) with.log->warn("control connection: {}", why);
  said_last = why;
  const auto doubled = with.again_after * (std::int64_t{1} << std::min<std::size_t>(failures, 20));
  const auto most = patiently ? with.again_max : std::min(doubled, with.again_max);
  ++failures;
  const auto half = std::max<std::int64_t>(most.count() / 2, 1);
  const duration wait(half +
                      static_cast<std::int64_t>(with.random->next() % static_cast<std::uint64_t>(half)));
  self->delayed_send(self, wait, atom::dial_v, ++link);
}

caf::behavior control_dialler(caf::stateful_actor<control_dialler_state>* self,
                              control_dialler_dependencies with) {
  auto& state = self->state;
  state.self = self;
  state.with = std::move(with);
  state.helper = self->spawn<caf::detached + caf::linked>(dialling, state.with.dial);
  self->set_down_handler([self](const caf::down_msg& down) {
    if (auto& now = self->state; now.peer && down.source == now.peer->address())
      now.lost("the connection to the coordinator has ended", false);
  });
  self->set_default_handler(caf::drop);
  state.dial();
  const auto own = [self] { return self->current_sender() == self->ctrl(); };
  return {
      [self](atom::hello, const std::string& text) {
        if (self->state.is_peer()) self->state.greeted(text);
      },
      [self](atom::control, std::string& text) {
        if (self->state.is_peer()) self->state.said(std::move(text));
      },
      [self](atom::refuse, const std::string& text) {
        if (self->state.is_peer())
          self->state.lost("the coordinator refuses this process: " + text.substr(0, 4 * KiB), true);
      },
      [self](atom::control, const control_frame_ptr& frame) {
        auto& now = self->state;
        if (now.at != control_dialler_state::stage::open || frame->link != now.link) return;
        if (frame->ends)
          now.lost(frame->text, true);
        else
          self->send(caf::actor_cast<caf::actor>(now.peer), atom::control_v, frame->text);
      },
      [self, own](atom::dial, std::uint64_t which) {
        if (own() && which == self->state.link) self->state.dial();
      },
      [self, own](atom::check, std::uint64_t which) {
        auto& now = self->state;
        if (own() && which == now.link && now.at != control_dialler_state::stage::open)
          now.lost("the coordinator did not say in time who it is", true);
      },
  };
}

}  // namespace graphite
