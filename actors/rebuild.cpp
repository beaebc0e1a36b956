#include "actors/rebuild.hpp"

namespace graphite {

namespace {

attempt_result_ptr refused(const attempt_spec& spec) {
  auto answer = std::make_shared<attempt_result>();
  answer->action = spec.action;
  answer->attempt = spec.attempt;
  answer->status = attempt_status::refused;
  answer->message = "the pool's queue is full";
  return answer;
}

}  // namespace

rebuild_actor::behavior_type rebuild(rebuild_actor::stateful_pointer<rebuild_state> self,
                                     rebuild_dependencies with) {
  self->state.with = std::move(with);
  return {
      [self](atom::attempt, const attempt_ptr& spec, const graph_actor& asked_by) {
        const auto key = std::pair(spec->action.value, spec->attempt.value);
        const cancel_token token;
        auto task = [spec, token, asked_by, key, me = rebuild_actor(self), run = self->state.with.run] {
          auto done = std::make_shared<const attempt_result>(run(*spec, token));
          caf::anon_send(asked_by, atom::finish_v, std::move(done));
          caf::anon_send(me, atom::finish_v, key.first, key.second);
        };
        if (self->state.with.submit(std::move(task)))
          self->state.running.emplace(key, token);
        else
          self->send(asked_by, atom::finish_v, refused(*spec));
      },
      [self](atom::cancel, std::uint32_t action, std::uint32_t attempt) {
        const auto found = self->state.running.find({action, attempt});
        if (found != self->state.running.end()) found->second.cancel();
      },
      [self](atom::finish, std::uint32_t action, std::uint32_t attempt) {
        self->state.running.erase({action, attempt});
      },
  };
}

}  // namespace graphite
