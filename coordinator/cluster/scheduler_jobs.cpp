#include <algorithm>

#include "coordinator/cluster/scheduler_state.hpp"

// What is wanted: submissions, waiters, cancelling.

namespace graphite {

using impl = scheduler_impl;
using phase = task_record::phase;

namespace {

/// The smaller goes first: wanted early, long chain.
std::int64_t rank_of(const task_spec& what, std::uint64_t critical_ns_max) {
  return to_ns(what.wanted_since) - static_cast<std::int64_t>(std::min(what.critical_ns, critical_ns_max));
}

/// The largest `inputs_max` of them.
void keep_inputs(std::span<const content_use> from, task_record& into) {
  for (const auto& one : from) {
    if (into.input_count < into.inputs.size()) {
      into.inputs[into.input_count++] = one;
      continue;
    }
    const auto least = std::min_element(into.inputs.begin(), into.inputs.end(),
                                        [](const auto& a, const auto& b) { return a.bytes < b.bytes; });
    if (least->bytes < one.bytes) *least = one;
  }
}

}  // namespace

result<submitted> impl::submit(const task_spec& what) {
  if (what.job >= jobs.size() || !jobs[what.job].open) return fail(errc::not_found, "no such job");
  if (what.shape >= shapes.size()) return fail(errc::not_found, "needs of this number are not known");
  if (what.rule >= rules.size()) return fail(errc::not_found, "a rule of this number is not known");
  const auto& job = jobs[what.job];
  if (waiters.size() >= options.waiters_max)
    return fail(errc::busy, std::to_string(options.waiters_max) + " submissions wait already");
  auto slot = digest_index::none;
  if (!what.key.is_zero()) {
    if (const auto* reason = poison.find(job.tenant, what.key)) return fail(errc::action_failed, *reason);
    slot = task_of(what.key);
  }
  const bool merged = slot != digest_index::none;
  if (!merged) {
    if (tasks.size() >= options.tasks_max)
      return fail(errc::busy, std::to_string(options.tasks_max) + " tasks wait or run already");
    slot = make_task(what, job);
  }
  const auto waiter = add_waiter(slot, what);
  auto& task = tasks.at(slot);
  bool payload_known = merged;
  if (task.orphan) {
    ask_for_orphan(task, what);
    payload_known = false;
  }
  if (merged && lead(task)) became_urgent(slot);
  if (!merged) put_in_queue(slot);
  return submitted{waiter, task_id{tasks.id_of(slot)}, payload_known};
}

std::uint32_t impl::make_task(const task_spec& what, const job_record& job) {
  const auto slot = tasks.slot_of(tasks.insert());
  GRAPHITE_INVARIANT(slot < 1u << 31);
  auto& task = tasks.at(slot);
  task.key = what.key;
  task.level = what.level;
  task.tenant = job.tenant;
  task.rank = rank_of(what, options.critical_ns_max);
  task.shape = what.shape;
  task.rule = what.rule;
  task.order = ++orders;
  task.cookie = what.cookie;
  task.own_ns = what.expected_ns;
  task.expected_ns = what.expected_ns != 0 ? what.expected_ns : rules.expected_ns(what.rule);
  task.critical_ns = std::min(what.critical_ns, options.critical_ns_max);
  task.waiting_since = now;
  keep_inputs(what.inputs, task);
  if (!what.key.is_zero()) keys.insert(what.key, slot);
  return slot;
}

/// Now it is known what it is. What runs keeps what it has taken.
void impl::ask_for_orphan(task_record& task, const task_spec& what) {
  task.orphan = false;
  task.cookie = what.cookie;
  task.shape = what.shape;
  task.rule = what.rule;
  task.own_ns = what.expected_ns;
  task.expected_ns = what.expected_ns != 0 ? what.expected_ns : rules.expected_ns(what.rule);
  keep_inputs(what.inputs, task);
}

waiter_id impl::add_waiter(std::uint32_t slot, const task_spec& what) {
  const auto id = waiters.insert();
  const auto at = waiters.slot_of(id);
  auto& one = waiters.at(at);
  auto& task = tasks.at(slot);
  auto& job = jobs[what.job];
  one.task = slot;
  one.job = what.job;
  one.cookie = what.cookie;
  one.revision = what.revision;
  one.submitted = now;
  one.order = ++orders;
  one.level = what.level;
  one.rank = rank_of(what, options.critical_ns_max);
  one.critical_ns = std::min(what.critical_ns, options.critical_ns_max);
  one.task_next = task.first_waiter;
  if (one.task_next != no_cluster_index) waiters.at(one.task_next).task_previous = at;
  task.first_waiter = at;
  one.job_next = job.first_waiter;
  if (one.job_next != no_cluster_index) waiters.at(one.job_next).job_previous = at;
  job.first_waiter = at;
  return waiter_id{id};
}

/// The most urgent waiter says where the task stands. True where that changed.
bool impl::lead(task_record& task) const {
  const waiter_record* best = nullptr;
  for (auto at = task.first_waiter; at != no_cluster_index; at = waiters.at(at).task_next) {
    const auto& one = waiters.at(at);
    if (best == nullptr ||
        std::tie(one.level, one.rank, one.order) < std::tie(best->level, best->rank, best->order))
      best = &one;
  }
  if (best == nullptr) return false;
  const auto tenant = jobs[best->job].tenant;
  const bool same = task.level == best->level && task.tenant == tenant && task.rank == best->rank;
  task.level = best->level;
  task.tenant = tenant;
  task.rank = best->rank;
  task.critical_ns = best->critical_ns;
  return !same;
}

void impl::became_urgent(std::uint32_t slot) {
  if (queue.drop(slot)) put_in_queue(slot);
}

void impl::put_in_queue(std::uint32_t slot) {
  auto& task = tasks.at(slot);
  task.is = phase::waiting;
  queue.put(slot, {task.level, task.tenant, task.shape, task.rank, task.order});
}

/// Takes the waiter out of its job and its task, no more.
void impl::unlink(std::uint32_t waiter) {
  const auto one = waiters.at(waiter);
  auto& task_link = one.task_previous == no_cluster_index ? tasks.at(one.task).first_waiter
                                                          : waiters.at(one.task_previous).task_next;
  task_link = one.task_next;
  if (one.task_next != no_cluster_index) waiters.at(one.task_next).task_previous = one.task_previous;
  auto& job_link = one.job_previous == no_cluster_index ? jobs[one.job].first_waiter
                                                        : waiters.at(one.job_previous).job_next;
  job_link = one.job_next;
  if (one.job_next != no_cluster_index) waiters.at(one.job_next).job_previous = one.job_previous;
  waiters.erase(waiter);
}

void impl::drop_waiter(std::uint32_t waiter) {
  const auto slot = waiters.at(waiter).task;
  unlink(waiter);
  auto& task = tasks.at(slot);
  if (task.first_waiter == no_cluster_index) return unwanted(slot);
  if (lead(task)) became_urgent(slot);
}

void impl::unwanted(std::uint32_t slot) {
  auto& task = tasks.at(slot);
  switch (task.is) {
    case phase::waiting:
      queue.drop(slot);
      return release(slot);
    case phase::delayed:
      --delayed;
      return release(slot);
    case phase::running:
      if (!task.key.is_zero() && !planted(planted_bug::key_kept_after_cancel)) keys.erase(task.key, slot);
      task.is = phase::dropped;
      return stop_attempts(slot);
    case phase::settled:
    case phase::dropped:
      return;
  }
}

void impl::cancel_all(job_index job, std::uint64_t before) {
  for (auto at = jobs[job].first_waiter; at != no_cluster_index;) {
    const auto next = waiters.at(at).job_next;
    if (waiters.at(at).revision < before) drop_waiter(at);
    at = next;
  }
}

void impl::end_waiters(std::uint32_t slot, const schedule_commands::done& how) {
  for (auto at = tasks.at(slot).first_waiter; at != no_cluster_index; at = tasks.at(slot).first_waiter) {
    auto one = how;
    one.waiter = waiter_id{waiters.id_of(at)};
    const auto& waiter = waiters.at(at);
    one.cookie = waiter.cookie;
    one.job = waiter.job;
    one.revision = waiter.revision;
    one.submitted = waiter.submitted;
    unlink(at);
    out.push_back(std::move(one));
  }
}

/// Nothing of the task is left.
void impl::release(std::uint32_t slot) {
  auto& task = tasks.at(slot);
  GRAPHITE_INVARIANT(live_count(task) == 0 && task.first_waiter == no_cluster_index && !queue.contains(slot));
  if (task.is == phase::waiting || task.is == phase::delayed || task.is == phase::running)
    if (!task.key.is_zero() && !task.recheck) keys.erase(task.key, slot);
  if (task.recheck) --rechecks;
  out.push_back(schedule_commands::forget{task_id{tasks.id_of(slot)}});
  tasks.erase(slot);
}

}  // namespace graphite
