#include "actors/cluster/cluster_rebuild.hpp"

#include "actors/logger_guard.hpp"
#include "coordinator/cluster/view_task.hpp"

namespace graphite {

namespace {

using rebuild_pointer = cluster_rebuild_actor::stateful_pointer<cluster_rebuild_state>;
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

void prepare(const desk_ptr& side, const cluster_rebuild_dependencies& with, const wish& what);

/// On a thread of the traffic's, or it is refused.
void carry(const view_traffic& traffic, const wish& what, std::function<void()> job) {
  const bool taken = traffic.submit([job = std::move(job)] {
    const logger_guard forget;
    job();
  });
  if (!taken) what.tell(ended_here(*what.spec, attempt_status::refused, "the pool's queue is full"));
}

/// Once its outputs are here.
void tell_when_here(const wish& what, const view_traffic& traffic, attempt_result ended) {
  const auto done = std::make_shared<attempt_result>(std::move(ended));
  carry(traffic, what, [what, done, fetch = traffic.fetch] {
    const auto here = fetch(*done);
    what.tell(here ? std::move(*done)
                   : ended_here(*what.spec, attempt_status::refused, here.error().context));
  });
}

/// What the stores have lost goes to them again, from here.
void bring_again(const desk_ptr& side, const cluster_rebuild_dependencies& with, const wish& what,
                 attempt_result ended) {
  if (what.lost == lost_max) return what.tell(std::move(ended));
  carry(with.traffic, what, [side, with, what, lost = std::move(ended.lost)] {
    with.traffic.lost(*what.spec, lost);
    auto again = what;
    ++again.lost;
    prepare(side, with, again);
  });
}

attempt_result end_of(const cluster_rebuild_dependencies& with, const wish& what,
                      const dispatch_commands::done& how) {
  auto out = result_of(*what.spec, how);
  if (!with.gives_up || how.how != task_end::exhausted || out.status != attempt_status::refused) return out;
  out.status = attempt_status::failed;
  out.message = "given up: " + out.message;
  return out;
}

/// It waits no more.
void forget(dispatch_desk& desk, cluster_rebuild_state::desk_side& side, const attempt_name& name) {
  const auto found = side.waiting.find(name);
  if (found == side.waiting.end()) return;
  desk.core.drop_recipe(found->second.recipe);
  side.waiting.erase(found);
}

result<void> submit(dispatch_desk& desk, const desk_ptr& side, const cluster_rebuild_dependencies& with,
                    const wish& what, time_point now) {
  GRAPHITE_TRY(const auto job, job_of(desk, *side, with.tenant));
  GRAPHITE_TRY(const auto recipe, recipe_of(*what.spec, with.tools));
  GRAPHITE_TRY(const auto number, desk.core.add_recipe(recipe, pool_of(*what.spec), with.platform));
  const auto waiter = desk.submit(
      task_of(*what.spec, what.key, {job, with.level, number, now}),
      [&desk, side, what, with](const dispatch_commands::done& how) {
        forget(desk, *side, name_of(*what.spec));
        auto ended = end_of(with, what, how);
        if (ended.status == attempt_status::succeeded)
          return tell_when_here(what, with.traffic, std::move(ended));
        if (ended.status == attempt_status::lost_input)
          return bring_again(side, with, what, std::move(ended));
        what.tell(std::move(ended));
      },
      now);
  if (!waiter) {
    desk.core.drop_recipe(number);
    return tl::unexpected<error>(waiter.error());
  }
  side->waiting.insert_or_assign(name_of(*what.spec),
                                 cluster_rebuild_state::desk_side::wish{*waiter, number, what.tell});
  return {};
}

/// What is wrong with the action itself fails; all else may go well later.
attempt_status status_of(errc code) {
  switch (code) {
    case errc::action_failed:
    case errc::invalid_argument:
    case errc::too_large:
      return attempt_status::failed;
    default:
      return attempt_status::refused;
  }
}

void begin_at_desk(dispatch_desk& desk, const desk_ptr& side, const cluster_rebuild_dependencies& with,
                   const wish& what, time_point now) {
  if (what.cancelled.cancelled()) return what.tell(ended_here(*what.spec, attempt_status::cancelled, ""));
  const auto begun = submit(desk, side, with, what, now);
  if (!begun) what.tell(ended_here(*what.spec, status_of(begun.error().code), begun.error().context));
}

/// Whether the stores have all inputs, or how the attempt ends without them: what nobody has is to be made
/// anew.
std::optional<attempt_result> without_inputs(const wish& what, const view_traffic& traffic) {
  auto lost = traffic.bring(*what.spec);
  if (!lost) {
    const bool stale = lost.error().code == errc::corrupt;
    return ended_here(*what.spec, stale ? attempt_status::stale_input : attempt_status::refused,
                      lost.error().context);
  }
  if (lost->empty()) return std::nullopt;
  auto ended = ended_here(*what.spec, attempt_status::lost_input, "inputs are nowhere any more");
  ended.lost = std::move(*lost);
  return ended;
}

/// By a thread of the traffic's: what is done before it is one of the schedule's tasks.
void prepare(const desk_ptr& side, const cluster_rebuild_dependencies& with, const wish& what) {
  if (auto found = with.traffic.known(*what.spec, what.key)) {
    if (what.lost == 0) with.traffic.on_end(*what.spec, *found, true);  // else tell() says it
    return what.tell(std::move(*found));
  }
  if (auto ended = without_inputs(what, with.traffic)) return what.tell(std::move(*ended));
  auto begun = what;
  if (what.lost == 0)
    begun.tell = [what, tell = what.tell, traffic = with.traffic](attempt_result how) {
      traffic.on_end(*what.spec, how, false);
      tell(std::move(how));
    };
  caf::anon_send(with.dispatch, atom::answer_v,
                 std::make_shared<const dispatch_call>(
                     dispatch_call{[begun, side, with](dispatch_desk& desk, time_point now) {
                       begin_at_desk(desk, side, with, begun, now);
                     }}));
}

/// Ends what no node fits for too long.
void end_misfits(dispatch_desk& desk, cluster_rebuild_state::desk_side& side, duration patience,
                 time_point now) {
  std::map<recipe_id, std::string> known;
  std::map<recipe_id, time_point> since;
  std::vector<std::pair<attempt_name, std::string>> ended;
  for (const auto& [name, one] : side.waiting) {
    if (!known.contains(one.recipe)) known[one.recipe] = desk.core.misfit(one.recipe).value_or("");
    if (known[one.recipe].empty()) continue;
    const auto before = side.misfits.find(one.recipe);
    const auto begun = since.try_emplace(one.recipe, before == side.misfits.end() ? now : before->second);
    if (now - begun.first->second >= patience) ended.emplace_back(name, known[one.recipe]);
  }
  side.misfits = std::move(since);
  for (const auto& [name, why] : ended) {
    const auto one = side.waiting.at(name);
    desk.cancel(one.waiter);
    forget(desk, side, name);
    attempt_result out;
    out.action = action_id{name.first};
    out.attempt = attempt_number{name.second};
    out.message = why + ": start a node that has it (`graphite node --tools`), or change the rule";
    one.tell(std::move(out));
  }
}

void call(rebuild_pointer self, std::function<void(dispatch_desk&, time_point)> what) {
  self->send(self->state.with.dispatch, atom::answer_v,
             std::make_shared<const dispatch_call>(dispatch_call{std::move(what)}));
}

void look_later(rebuild_pointer self) {
  auto& state = self->state;
  if (state.with.misfit_patience == duration::zero() || state.running.empty()) return;
  if (std::exchange(state.looking, true)) return;
  self->delayed_send(self, cluster_rebuild_state::look_every, atom::check_v);
}

void begin(rebuild_pointer self, const attempt_ptr& spec, const graph_actor& asked_by) {
  auto& state = self->state;
  const cancel_token token;
  state.running.emplace(name_of(*spec), cluster_rebuild_state::asked{asked_by, token});
  const auto tell = [asked_by, spec, me = cluster_rebuild_actor(self)](attempt_result how) {
    caf::anon_send(asked_by, atom::finish_v, std::make_shared<const attempt_result>(std::move(how)));
    caf::anon_send(me, atom::finish_v, spec->action.value, spec->attempt.value);
  };
  const auto key = state.with.cached ? task_key(*spec, *state.with.hash) : digest{};
  const wish what{spec, key, token, tell};
  carry(state.with.traffic, what,
        [what, side = state.desk, with = state.with] { prepare(side, with, what); });
  look_later(self);
}

void cancel(rebuild_pointer self, const attempt_name& name) {
  const auto asked = self->state.running.find(name);
  if (asked == self->state.running.end()) return;
  asked->second.cancelled.cancel();
  const auto tell = [to = asked->second.by, name, me = cluster_rebuild_actor(self)] {
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
    desk.cancel(found->second.waiter);
    forget(desk, *side, name);
    tell();
  });
}

}  // namespace

cluster_rebuild_actor::behavior_type cluster_rebuild(rebuild_pointer self,
                                                     cluster_rebuild_dependencies with) {
  self->state.with = std::move(with);
  self->attach_functor([dispatch = self->state.with.dispatch, side = self->state.desk] {
    caf::anon_send(
        dispatch, atom::answer_v,
        std::make_shared<const dispatch_call>(dispatch_call{[side](dispatch_desk& desk, time_point) {
          while (!side->waiting.empty()) {  // nobody waits any more
            desk.cancel(side->waiting.begin()->second.waiter);
            forget(desk, *side, side->waiting.begin()->first);
          }
          if (side->job) (void)desk.core.close_job(*side->job);
        }}));
  });
  return {
      [self](atom::attempt, const attempt_ptr& spec, const graph_actor& asked_by) {
        begin(self, spec, asked_by);
      },
      [self](atom::cancel, std::uint32_t action, std::uint32_t attempt) {
        cancel(self, {action, attempt});
      },
      [self](atom::finish, std::uint32_t action, std::uint32_t attempt) {
        self->state.running.erase({action, attempt});
      },
      [self](atom::check) {
        self->state.looking = false;
        call(self, [side = self->state.desk, patience = self->state.with.misfit_patience](
                       dispatch_desk& desk, time_point now) { end_misfits(desk, *side, patience, now); });
        look_later(self);
      },
  };
}

}  // namespace graphite
