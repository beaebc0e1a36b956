#include <algorithm>

#include "coordinator/cluster/dispatcher_state.hpp"
#include "coordinator/cluster/slot_table.hpp"
#include "core/messages/control_sizes.hpp"

// What is wanted: submissions, waiters, cancelling.

namespace graphite {

using impl = dispatcher_impl;

namespace {

using limits = control_limits;

std::size_t bytes_of(const dispatch_task& task) {
  return control::assignment_bytes(task.main_input, task.inputs, task.bodies, task.outputs);
}

bool within_limits(const dispatch_task& task) {
  const auto few_parts = [](const attempt_input& one) { return one.parts.size() <= limits::parts_max; };
  const auto small = [](const byte_vector& one) { return one.size() <= inline_bytes_max; };
  return task.inputs.size() <= limits::inputs_max && task.bodies.size() <= limits::bodies_max &&
         task.outputs.size() <= limits::outputs_max && std::ranges::all_of(task.inputs, few_parts) &&
         std::ranges::all_of(task.bodies, small);
}

/// What steers placement: contents as they lie in stores.
std::vector<content_use> uses_of(const std::vector<attempt_input>& inputs) {
  std::vector<content_use> out;
  out.reserve(inputs.size());
  for (const auto& input : inputs)
    for (const auto& content : stored_contents(input.content, input.parts))
      out.push_back({content_number(content.id), content.size});
  return out;
}

}  // namespace

dispatch_record* impl::find(task_id task) {
  const auto slot = slot_table<int>::slot_of(task.value);
  return slot < records.size() && records[slot].task == task ? &records[slot] : nullptr;
}

/// The record of a task that the scheduler has just named. What its place held before is forgotten: the
/// scheduler has said so, or will.
dispatch_record& impl::record_at(task_id task) {
  const auto slot = slot_table<int>::slot_of(task.value);
  if (slot >= records.size()) records.resize(slot + 1);
  auto& record = records[slot];
  if (record.task == task) return record;
  if (record.task != task_id{}) forget(record.task);
  record.task = task;
  ++record_count;
  return record;
}

/// Keeps it in the place of one that has ended, or whose node is lost.
void impl::give(dispatch_record& record, const dispatch_record::given& what) const {
  const auto unused = std::ranges::find_if(record.attempts, [this](const dispatch_record::given& one) {
    return one.number == 0 || !sessions.contains(one.session);
  });
  GRAPHITE_INVARIANT(unused != record.attempts.end());
  *unused = what;
}

void impl::forget(task_id task) {
  auto* record = find(task);
  if (record == nullptr) return;
  if (record->what) recipes.drop(record->what->recipe);
  *record = {};
  --record_count;
}

result<void> impl::check(const dispatch_task& what, const recipe_book::entry& recipe) const {
  if (what.job >= jobs.size() || !jobs[what.job]) return fail(errc::not_found, "no such job");
  for (std::size_t i = 1; i < what.inputs.size(); ++i)
    if (!(what.inputs[i - 1].path < what.inputs[i].path))
      return fail(errc::invalid_argument, "inputs of " + what.main_input.str() + " are not in order");
  if (!within_limits(what) ||
      bytes_of(what) + recipe.bytes > limits::message_bytes_max - control::message_frame_bytes)
    return fail(errc::too_large,
                "the action of " + what.main_input.str() + " has too many inputs or outputs for a message");
  return {};
}

result<waiter_id> impl::submit(dispatch_task&& what) {
  const auto* recipe = recipes.find(what.recipe);
  if (recipe == nullptr) return fail(errc::not_found, "no such recipe");
  GRAPHITE_CHECK(check(what, *recipe));
  const auto late = uncommitted_keys.find(what.key);
  if (late != uncommitted_keys.end() && !planted(planted_bug::late_wish_runs_again)) {
    if (held.size() >= options.schedule.waiters_max)
      return fail(errc::busy, std::to_string(held.size()) + " submissions wait for the disk already");
    return submit_late(what, late->second);
  }
  const auto uses = uses_of(what.inputs);
  const task_spec spec{what.job,      what.level,       what.cookie,      what.key,          recipe->shape,
                       recipe->index, what.critical_ns, what.expected_ns, what.wanted_since, what.revision,
                       uses};
  GRAPHITE_TRY(const auto made, schedule.submit(spec, now));
  if (made.merged) return made.waiter;
  auto& record = record_at(made.task);
  recipes.use(what.recipe);
  record.key = what.key;
  record.what = std::make_shared<const dispatch_task>(std::move(what));
  return made.waiter;
}

/// Its result is here, and will be told once the disk has it.
waiter_id impl::submit_late(const dispatch_task& what, std::uint64_t task) {
  const waiter_id waiter{++last_late};
  GRAPHITE_INVARIANT(last_late >> 32 == 0);
  uncommitted.at(task).waiters.push_back({waiter, what.cookie, what.job, what.revision, now});
  held.emplace(waiter.value, task);
  return waiter;
}

/// Those who wait for the disk, and whom nobody has told yet.
template <class Matches>
void impl::drop_held(Matches&& matches) {
  for (auto& [task, one] : uncommitted)
    std::erase_if(one.waiters, [&](const held_waiter& waiter) {
      return matches(waiter.waiter, waiter.job, waiter.revision) && held.erase(waiter.waiter.value) > 0;
    });
}

bool impl::cancel(waiter_id waiter) {
  absorb(schedule.take());
  const auto told = std::ranges::find(dones, waiter, &dispatch_commands::done::waiter);
  if (told != dones.end()) {
    dones.erase(told);
    return true;
  }
  const auto found = held.find(waiter.value);
  if (found == held.end()) return schedule.cancel(waiter);
  auto& waiters = uncommitted.at(found->second).waiters;
  waiters.erase(std::ranges::find(waiters, waiter, &held_waiter::waiter));
  held.erase(found);
  return true;
}

result<waiter_id> dispatcher::submit(dispatch_task what, time_point now) {
  impl_->advance(now);
  return impl_->submit(std::move(what));
}

bool dispatcher::cancel(waiter_id waiter) { return impl_->cancel(waiter); }

void dispatcher::cancel_job(job_index job) { cancel_before(job, ~std::uint64_t{0}); }

void dispatcher::cancel_before(job_index job, std::uint64_t revision) {
  impl_->absorb(impl_->schedule.take());
  impl_->schedule.cancel_before(job, revision);
  const auto matches = [&](waiter_id, job_index of, std::uint64_t its) {
    return of == job && its < revision;
  };
  impl_->drop_held(matches);
  std::erase_if(impl_->dones, [&](const auto& one) { return matches(one.waiter, one.job, one.revision); });
}

void dispatcher::cancel_tenant(tenant_index tenant) {
  for (job_index job = 0; job < impl_->jobs.size(); ++job)
    if (impl_->jobs[job] == tenant) cancel_job(job);
}

void dispatcher::each_needed(const std::function<void(const digest&)>& tell) const {
  for (const auto& record : impl_->records) {
    if (record.task == task_id{} || !record.what) continue;
    for (const auto& input : record.what->inputs)
      for (const auto& content : stored_contents(input.content, input.parts)) tell(content.id);
  }
  for (const auto& [task, one] : impl_->uncommitted)
    for (const auto& output : one.what->end.result.outputs)
      for (const auto& content : output.stored()) tell(content.id);
}

}  // namespace graphite
