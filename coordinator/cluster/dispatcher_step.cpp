#include <algorithm>

#include "coordinator/cluster/dispatcher_state.hpp"

// What the scheduler says, what nodes are told, and when.

namespace graphite {

using impl = dispatcher_impl;

void impl::absorb(schedule_command_list commands) {
  for (auto& command : commands) std::visit([this](auto& one) { handle(one); }, command);
}

void impl::handle(schedule_commands::assign& what) {
  const auto its = sessions.find(what.session);
  if (its == sessions.end() || its->second.link == link_id{}) return;  // `node_lost` follows
  auto& session = its->second;
  auto* record = find(what.attempt.task);
  GRAPHITE_INVARIANT(record != nullptr && record->what);
  const auto& task = *record->what;
  const auto domain = std::ranges::find(session.domains, what.domain);
  GRAPHITE_INVARIANT(domain != session.domains.end());
  const auto place = static_cast<std::uint32_t>(domain - session.domains.begin());
  give(*record, {what.attempt.number.value, what.session, place, what.reason, now});
  const auto* recipe = recipes.find(task.recipe);
  session.work.add({.attempt = what.attempt,
                    .domain = place,
                    .key = record->key,
                    .trace = task.trace,
                    .main_input = task.main_input,
                    .inputs = task.inputs,
                    .bodies = task.bodies,
                    .outputs = task.outputs},
                   task.recipe, *recipe->what);
}

void impl::handle(schedule_commands::stop& what) {
  const auto its = sessions.find(what.session);
  if (its != sessions.end()) its->second.work.add({what.attempt, what.if_waiting});
}

/// What was committed waits for the disk.
void impl::handle(schedule_commands::done& what) {
  if (what.how == task_end::finished) {
    const auto task = what.attempt.task.value;
    uncommitted.at(task).waiters.push_back(
        {what.waiter, what.cookie, what.job, what.revision, what.submitted});
    held.emplace(what.waiter.value, task);
    if (planted(planted_bug::told_before_safe)) tell(uncommitted.at(task));
    return;
  }
  if (what.how == task_end::poisoned) remember_due = true;
  const auto* record = find(what.attempt.task);
  auto reason = what.reason;
  if (what.how == task_end::exhausted && record != nullptr && !record->why.empty())
    reason = std::make_shared<const std::string>(*reason + ": " + record->why);
  const bool lost =
      what.how == task_end::exhausted && what.cause == retry_cause::lost_input && record != nullptr;
  dones.push_back({.waiter = what.waiter,
                   .cookie = what.cookie,
                   .job = what.job,
                   .revision = what.revision,
                   .how = what.how,
                   .result = {},
                   .cause = what.cause,
                   .reason = std::move(reason),
                   .lost = lost ? record->lost : std::vector<digest>(),
                   .submitted = what.submitted,
                   .at = now});
}

void impl::handle(schedule_commands::differs& what) {
  out.push_back(dispatch_commands::differs{std::move(what.what)});
}

void impl::handle(schedule_commands::unplaceable& what) {
  const auto* record = find(what.task);
  const auto* recipe = record != nullptr && record->what ? recipes.find(record->what->recipe) : nullptr;
  if (recipe == nullptr) return;
  out.push_back(dispatch_commands::unplaceable{
      record->what, recipe->rule,
      misfit(record->what->recipe).value_or("no node takes any: those that are here leave"),
      sessions.empty()});
}

void impl::handle(schedule_commands::node_lost& what) {
  const auto its = sessions.find(what.session);
  if (its == sessions.end()) return;
  if (const auto link = its->second.link; link != link_id{} && !planted(planted_bug::older_link_kept))
    refuse(link, errc::timed_out, "the coordinator has not heard of this node for too long: join again");
  auto session = std::move(its->second);
  sessions.erase(its);
  if (const auto newest = session_of.find(session.name); newest->second == what.session)
    session_of.erase(newest);
  out.push_back(
      dispatch_commands::node_lost{std::move(session.name), std::move(session.why), session.leaving});
  remember_due = true;
}

void impl::handle(schedule_commands::drained& what) {
  out.push_back(dispatch_commands::drained{schedule.leases().name_of(what.node)});
}

void impl::handle(schedule_commands::deposed&) { out.push_back(dispatch_commands::deposed{}); }

void impl::step() {
  for (auto next = links.begin(); next != links.end();) {
    const auto one = next++;
    if (one->second.session == node_session{} && now >= one->second.join_by)
      refuse(one->first, errc::timed_out, "the node has not joined in time");
  }
  const bool much =
      commits.size() > options.uncommitted_max || commits.bytes() > options.uncommitted_bytes_max;
  if (much || !planted(planted_bug::held_for_ever)) schedule.hold(much);
  schedule_wakes.reset();
  absorb(schedule.step(now));
  for (auto& batch : commits.due(now)) out.push_back(dispatch_commands::commit{std::move(batch)});
  say_work();
  for (auto& one : std::exchange(dones, {})) out.push_back(std::move(one));
  if (std::exchange(remember_due, false)) out.push_back(dispatch_commands::remember{});
  say_learned();
  say_wake();
}

void impl::say_work() {
  for (auto& [number, session] : sessions) {
    if (session.link == link_id{}) continue;
    const bool due = session.acknowledge_by && now >= *session.acknowledge_by;
    if (session.work.empty() && !due) continue;
    session.acknowledge_by.reset();
    const auto acknowledged = session.results.acknowledged();
    auto messages = session.work.take(acknowledged);
    if (messages.empty()) messages.emplace_back().acknowledged = acknowledged;
    for (auto& one : messages) out.push_back(dispatch_commands::send{session.link, std::move(one)});
  }
}

void impl::say_learned() {
  if (!learned_due || now < *learned_due) return;
  learned_due.reset();
  dispatch_commands::learned what{changed_rules()};
  if (!what.rules.empty()) out.push_back(std::move(what));
}

void impl::say_wake() {
  auto when = schedule_wakes;
  const auto also = [&](const std::optional<time_point>& other) {
    if (other && (!when || *other < *when)) when = other;
  };
  also(commits.next());
  also(learned_due);
  for (const auto& [number, session] : sessions) also(session.acknowledge_by);
  for (const auto& [link, one] : links)
    if (one.session == node_session{}) also(one.join_by);
  if (when) out.push_back(dispatch_commands::wake_at{*when});
}

dispatch_command_list dispatcher::step(time_point now) {
  impl_->advance(now);
  impl_->step();
  return std::exchange(impl_->out, {});
}

}  // namespace graphite
