#include <algorithm>

#include "coordinator/cluster/scheduler_state.hpp"

// How attempts end: results, refusals, lost nodes.

namespace graphite {

using impl = scheduler_impl;
using phase = task_record::phase;
using timer = schedule_timer::kind;

namespace {

std::optional<retry_cause> cause_of(report_kind kind) {
  switch (kind) {
    case report_kind::refused:
      return retry_cause::refused;
    case report_kind::stale_input:
      return retry_cause::stale_input;
    case report_kind::lost_input:
      return retry_cause::lost_input;
    case report_kind::handed_back:
      return retry_cause::handed_back;
    case report_kind::succeeded:
    case report_kind::failed:
      break;
  }
  return std::nullopt;
}

}  // namespace

report_use impl::finished(node_session session, const attempt_report& what) {
  auto* task = what.attempt.epoch == options.epoch && !leases.is_deposed()
                   ? tasks.find(what.attempt.task.value)
                   : nullptr;
  if (task == nullptr || what.attempt.number.value == 0) return report_use::fenced;
  const auto found = std::find_if(task->live.begin(), task->live.end(), [&](const live_attempt& one) {
    return one.number == what.attempt.number.value && one.session == session;
  });
  if (found == task->live.end()) return report_use::fenced;
  const auto slot = tasks.slot_of(what.attempt.task.value);
  const auto cause = cause_of(what.kind);
  if (!cause) learn(*task, *found, what);
  const auto domain = found->domain;
  const auto attempt = take_off(slot, static_cast<std::size_t>(found - task->live.begin()),
                                cause ? std::nullopt : std::optional(what.wall));
  if (what.kind == report_kind::refused)
    refused(domain);
  else if (!cause)
    pauses[domain].last = {};
  if (!cause) return result_came(slot, attempt, what);
  if (task->is == phase::running && !task->recheck) {
    try_again(slot, attempt, *cause);
    return report_use::again;
  }
  maybe_release(slot);
  return report_use::dropped;
}

void impl::learn(const task_record& task, const live_attempt& attempt, const attempt_report& what) {
  places.note_content(attempt.domain, what.outputs);
  if (what.kind == report_kind::succeeded)
    rules.note(task.rule, {what.wall, what.cpu, what.memory_peak_bytes});
}

report_use impl::result_came(std::uint32_t slot, live_attempt attempt, const attempt_report& what) {
  auto& task = tasks.at(slot);
  if (task.is == phase::dropped) {
    maybe_release(slot);
    return report_use::dropped;
  }
  if (task.is == phase::settled || task.recheck) {
    if (planted(planted_bug::second_result_committed)) return report_use::committed;
    compare(task, attempt, what);
    maybe_release(slot);
    return report_use::compared;
  }
  GRAPHITE_INVARIANT(task.is == phase::running);
  const bool unasked = task.orphan;
  if (!task.key.is_zero()) keys.erase(task.key, slot);
  if (grace_until) settled_in_grace.insert(task.key);
  task.is = phase::settled;
  task.result = what.result;
  task.result_of = what.attempt;
  task.result_succeeded = what.kind == report_kind::succeeded;
  task.not_on = places.node_of(attempt.domain);
  end_waiters(slot, {.attempt = what.attempt, .how = task_end::finished});
  for (auto& other : task.live) {
    if (other.number == 0) continue;
    if (!std::exchange(other.straggled, true)) hedged_milli += taken_by(other).cpu_milli, ++hedged_count;
    if (other.begun)
      timers.put(now + options.hedging.compare_max, {timer::compare_over, tasks.id_of(slot), other.number});
    else
      stop(slot, other, false);
  }
  if (live_count(task) == 0 && !begin_recheck(slot)) release(slot);
  return unasked ? report_use::unasked : report_use::committed;
}

void impl::compare(const task_record& task, const live_attempt& attempt, const attempt_report& what) {
  const bool succeeded = what.kind == report_kind::succeeded;
  if (succeeded == task.result_succeeded && (what.result == task.result || !succeeded)) return;
  const auto name = [this](node_index node) { return leases.name_of(node); };
  auto report = std::make_shared<nondeterminism>();
  report->key = task.key;
  report->rule = rules.number_of(task.rule);
  report->cookie = task.cookie;
  report->first = {task.result_of, name(task.not_on), task.result, task.result_succeeded};
  report->second = {what.attempt, name(places.node_of(attempt.domain)), what.result, succeeded};
  out.push_back(schedule_commands::differs{std::move(report)});
}

/// Some results are made once more, when nothing else waits.
bool impl::begin_recheck(std::uint32_t slot) {
  auto& task = tasks.at(slot);
  if (task.orphan || !task.result_succeeded || rechecks >= options.hedging.rechecks_max ||
      !hedges.rechecks(task.key))
    return false;
  ++rechecks;
  task.recheck = true;
  task.level = task_class::background;
  task.waiting_since = now;
  put_in_queue(slot);
  return true;
}

/// The attempt is over: what it had is free, what waited behind it begins. `wall`: what it took, if it got so
/// far.
live_attempt impl::take_off(std::uint32_t slot, std::size_t which, std::optional<duration> wall) {
  auto& task = tasks.at(slot);
  const auto attempt = std::exchange(task.live[which], {});
  const auto& needs = taken_by(attempt);
  if (!planted(planted_bug::leaked_pool) || wall) limits.give_back(attempt.tenant, needs);
  busy_milli -= needs.cpu_milli;
  if (attempt.straggled) hedged_milli -= needs.cpu_milli, --hedged_count;
  if (wall) {
    const auto real = cost_of(needs, static_cast<std::uint64_t>(std::max<std::int64_t>(wall->count(), 0)));
    queue.correct(attempt.level, attempt.tenant,
                  static_cast<std::int64_t>(real) - static_cast<std::int64_t>(attempt.cost_ns));
  } else if (!attempt.begun) {
    queue.correct(attempt.level, attempt.tenant, -static_cast<std::int64_t>(attempt.cost_ns));
  }
  promoted.clear();
  if (planted(planted_bug::leaked_slot) && !wall && !attempt.begun) return attempt;
  places.remove_attempt(attempt.domain, handle_of(slot, which), attempt.suspect, promoted);
  ++capacity_version;
  for (const auto one : promoted) begun(one);
  return attempt;
}

void impl::try_again(std::uint32_t slot, const live_attempt& after, retry_cause cause) {
  auto& task = tasks.at(slot);
  const auto node = places.node_of(after.domain);
  const bool blamed = cause == retry_cause::node_lost && after.begun;
  const auto verdict = retries.judge(task.retries, cause, node, after.begun);
  if (blamed) nodes[node].blamed.push_back(tasks.id_of(slot));
  if (verdict.next == retry_verdict::what::poison) return give_up(slot, task_end::poisoned, cause);
  if (live_count(task) > 0) return;  // the other one goes on
  if (task.orphan) {
    unwanted(slot);
    return maybe_release(slot);
  }
  if (planted(planted_bug::lost_requeue) && cause == retry_cause::node_lost) return;
  if (verdict.next == retry_verdict::what::exhausted) return give_up(slot, task_end::exhausted, cause);
  if (verdict.delay == duration{}) return put_in_queue(slot);
  task.is = phase::delayed;
  ++delayed;
  timers.put(now + verdict.delay, {timer::retry, tasks.id_of(slot), task.attempts_made});
}

void impl::give_up(std::uint32_t slot, task_end how, retry_cause cause) {
  auto& task = tasks.at(slot);
  std::string text;
  if (how == task_end::poisoned) {
    text = "taken to kill its nodes: it ran on";
    for (std::size_t i = 0; i < task.retries.deaths; ++i)
      text += (i == 0 ? " " : ", ") + leases.name_of(task.retries.died[i]);
    text += " when they died";
    for (auto at = task.first_waiter; at != no_cluster_index && !task.key.is_zero();
         at = waiters.at(at).task_next)
      poison.add({jobs[waiters.at(at).job].tenant, task.key, text});
  } else {
    text = "given up: " + std::string(to_string(cause)) + ", " +
           std::to_string(task.retries.counts[static_cast<std::size_t>(cause)] + 1) + " times";
  }
  end_waiters(slot, {.attempt = key_of(slot, task.attempts_made),
                     .how = how,
                     .cause = cause,
                     .reason = std::make_shared<const std::string>(std::move(text))});
  unwanted(slot);
  maybe_release(slot);
}

void impl::stop_attempts(std::uint32_t slot) {
  for (auto& attempt : tasks.at(slot).live)
    if (attempt.number != 0) stop(slot, attempt, false);
}

void impl::stop(std::uint32_t slot, live_attempt& attempt, bool if_waiting) {
  if (attempt.stopping && !if_waiting) return;
  attempt.stopping = attempt.stopping || !if_waiting;
  out.push_back(
      schedule_commands::stop{attempt.session, attempt.domain, key_of(slot, attempt.number), if_waiting});
}

/// A task that nobody waits for goes once its attempts are over.
void impl::maybe_release(std::uint32_t slot) {
  const auto& task = tasks.at(slot);
  const bool kept = task.is == phase::waiting || task.is == phase::delayed || live_count(task) > 0;
  if (!kept) release(slot);
}

}  // namespace graphite
