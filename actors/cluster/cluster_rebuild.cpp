#include "actors/cluster/cluster_rebuild.hpp"

#include "actors/logger_guard.hpp"
#include "coordinator/cluster/view_task.hpp"

namespace graphite {

namespace {

using rebuild_pointer = rebuild_actor::stateful_pointer<cluster_rebuild_state>;
using desk_ptr = std::shared_ptr<cluster_rebuild_state::desk_side>;
using attempt_name = cluster_rebuild_state::attempt_name;

attempt_name name_of(const attempt_spec& spec) { return {spec.action.value, spec.attempt.value}; }

attempt_result ended_here(const attempt_spec& spec, attempt_status status, std::string why) {
  attempt_result out;
  out.action = spec.action;
  out.attempt = spec.attempt;
  out.status = status;
  out.message = std::move(why);
  return out;
}

/// The view's job, opened with its first wish.
result<job_index> job_of(dispatch_desk& desk, cluster_rebuild_state::desk_side& side,
                         const std::string& tenant) {
  if (side.job) return *side.job;
  GRAPHITE_TRY(const auto of, desk.core.tenant(tenant, {}));
  GRAPHITE_TRY(side.job, desk.core.open_job(of));
  return *side.job;
}

/// One wish on its way: `tell` is called once, but where it is cancelled.
struct wish {
  attempt_ptr spec;
  digest key;
  cancel_token cancelled;  ///< before it was submitted
  std::function<void(attempt_result)> tell;
  int lost = 0;  ///< so often its inputs were lost, and brought again
};

constexpr int lost_max = 4;

void bring(const desk_ptr& side, const cluster_rebuild_dependencies& with, const wish& what);

void block(const cluster_rebuild_dependencies& with, const wish& what, std::function<void()> job) {
  const bool taken = with.traffic.submit([job = std::move(job)] {
    const logger_guard forget;
    job();
  });
  if (!taken) what.tell(ended_here(*what.spec, attempt_status::refused, "the pool's queue is full"));
}

/// Once its outputs are here.
void tell_when_here(const wish& what, const cluster_rebuild_dependencies& with, attempt_result ended) {
  const auto done = std::make_shared<attempt_result>(std::move(ended));
  block(with, what, [what, done, fetch = with.traffic.fetch] {
    const auto here = fetch(*done);
    what.tell(here ? std::move(*done)
                   : ended_here(*what.spec, attempt_status::refused, here.error().context));
  });
}

/// What the stores have lost goes to them again, from here.
void bring_again(const desk_ptr& side, const cluster_rebuild_dependencies& with, const wish& what,
                 attempt_result ended) {
  if (what.lost == lost_max) return what.tell(std::move(ended));
  block(with, what, [side, with, what, lost = std::move(ended.lost)] {
    with.traffic.lost(*what.spec, lost);
    auto again = what;
    ++again.lost;
    bring(side, with, again);
  });
}

result<waiter_id> submit(dispatch_desk& desk, const desk_ptr& side, const cluster_rebuild_dependencies& with,
                         const wish& what, time_point now) {
  GRAPHITE_TRY(const auto job, job_of(desk, *side, with.tenant));
  GRAPHITE_TRY(const auto recipe, recipe_of(*what.spec, with.tools));
  GRAPHITE_TRY(const auto number, desk.core.add_recipe(recipe));
  auto waiter = desk.submit(
      task_of(*what.spec, what.key, {job, with.level, number, now}),
      [side, what, with](const dispatch_commands::done& how) {
        side->waiting.erase(name_of(*what.spec));
        auto ended = result_of(*what.spec, how);
        if (ended.status == attempt_status::succeeded) return tell_when_here(what, with, std::move(ended));
        if (ended.status == attempt_status::lost_input)
          return bring_again(side, with, what, std::move(ended));
        what.tell(std::move(ended));
      },
      now);
  desk.core.drop_recipe(number);
  return waiter;
}

void begin_at_desk(dispatch_desk& desk, const desk_ptr& side, const cluster_rebuild_dependencies& with,
                   const wish& what, time_point now) {
  if (what.cancelled.cancelled()) return what.tell(ended_here(*what.spec, attempt_status::cancelled, ""));
  const auto waiter = submit(desk, side, with, what, now);
  if (waiter)
    side->waiting.emplace(name_of(*what.spec), *waiter);
  else
    what.tell(ended_here(
        *what.spec,
        waiter.error().code == errc::action_failed ? attempt_status::failed : attempt_status::refused,
        waiter.error().context));
}

/// Blocks until the stores have all inputs; then it is the desk's. What nobody has is to be made anew.
void bring(const desk_ptr& side, const cluster_rebuild_dependencies& with, const wish& what) {
  auto lost = with.traffic.bring(*what.spec);
  if (!lost) {
    const bool stale = lost.error().code == errc::corrupt;
    return what.tell(ended_here(*what.spec, stale ? attempt_status::stale_input : attempt_status::refused,
                                lost.error().context));
  }
  if (!lost->empty()) {
    auto ended = ended_here(*what.spec, attempt_status::lost_input, "inputs are nowhere any more");
    ended.lost = std::move(*lost);
    return what.tell(std::move(ended));
  }
  caf::anon_send(with.dispatch, atom::answer_v,
                 std::make_shared<const dispatch_call>(
                     dispatch_call{[what, side, with](dispatch_desk& desk, time_point now) {
                       begin_at_desk(desk, side, with, what, now);
                     }}));
}

void call(rebuild_pointer self, std::function<void(dispatch_desk&, time_point)> what) {
  self->send(self->state.with.dispatch, atom::answer_v,
             std::make_shared<const dispatch_call>(dispatch_call{std::move(what)}));
}

}  // namespace

rebuild_actor::behavior_type cluster_rebuild(rebuild_actor::stateful_pointer<cluster_rebuild_state> self,
                                             cluster_rebuild_dependencies with) {
  self->state.with = std::move(with);
  self->attach_functor([dispatch = self->state.with.dispatch, side = self->state.desk] {
    caf::anon_send(
        dispatch, atom::answer_v,
        std::make_shared<const dispatch_call>(dispatch_call{[side](dispatch_desk& desk, time_point) {
          for (const auto& [name, waiter] : side->waiting) desk.cancel(waiter);  // nobody waits any more
          if (side->job) (void)desk.core.close_job(*side->job);
        }}));
  });
  return {
      [self](atom::attempt, const attempt_ptr& spec, const graph_actor& asked_by) {
        auto& state = self->state;
        const cancel_token token;
        state.running.emplace(name_of(*spec), cluster_rebuild_state::asked{asked_by, token});
        const auto tell = [asked_by, spec, me = rebuild_actor(self)](attempt_result how) {
          caf::anon_send(asked_by, atom::finish_v, std::make_shared<const attempt_result>(std::move(how)));
          caf::anon_send(me, atom::finish_v, spec->action.value, spec->attempt.value);
        };
        const wish what{spec, task_key(*spec, *state.with.hash), token, tell};
        block(state.with, what, [what, side = state.desk, with = state.with] { bring(side, with, what); });
      },
      [self](atom::cancel, std::uint32_t action, std::uint32_t attempt) {
        const attempt_name name{action, attempt};
        const auto asked = self->state.running.find(name);
        if (asked == self->state.running.end()) return;
        asked->second.cancelled.cancel();
        const auto tell = [to = asked->second.by, name, me = rebuild_actor(self)] {
          auto out = std::make_shared<attempt_result>();
          out->action = action_id{name.first};
          out->attempt = attempt_number{name.second};
          out->status = attempt_status::cancelled;
          caf::anon_send(to, atom::finish_v, attempt_result_ptr(std::move(out)));
          caf::anon_send(me, atom::finish_v, name.first, name.second);
        };
        call(self, [side = self->state.desk, name, tell](dispatch_desk& desk, time_point) {
          const auto found = side->waiting.find(name);
          if (found == side->waiting.end()) return;  // it has ended, or will see that it is cancelled
          desk.cancel(found->second);
          side->waiting.erase(found);
          tell();
        });
      },
      [self](atom::finish, std::uint32_t action, std::uint32_t attempt) {
        self->state.running.erase({action, attempt});
      },
  };
}

}  // namespace graphite
