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

time_point now_of(const rebuild_dependencies& with) {
  return with.clock != nullptr ? with.clock->now() : time_point{};
}

/// With what is known of its time.
attempt_result_ptr run_timed(const rebuild_dependencies& with, const attempt_spec& spec,
                             const cancel_token& cancel, time_point given) {
  attempt_story story;
  story.given = given;
  const auto begun = now_of(with);
  auto done = std::make_shared<attempt_result>(with.run(spec, cancel));
  story.back = now_of(with);
  story.times.waited = begun - given;
  story.times.run = story.back - begun;
  done->story = std::make_shared<const attempt_story>(std::move(story));
  return done;
}

}  // namespace

rebuild_actor::behavior_type rebuild(rebuild_actor::stateful_pointer<rebuild_state> self,
                                     rebuild_dependencies with) {
  self->state.with = std::move(with);
  return {
      [self](atom::attempt, const attempt_ptr& spec, const graph_actor& asked_by) {
        const auto key = std::pair(spec->action.value, spec->attempt.value);
        const cancel_token token;
        const auto given = now_of(self->state.with);
        auto task = [spec, token, asked_by, key, given, me = rebuild_actor(self), with = self->state.with] {
          caf::anon_send(asked_by, atom::finish_v, run_timed(with, *spec, token, given));
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
