#include <fmt/format.h>

#include <algorithm>

#include "coordinator/cluster/dispatcher_state.hpp"
#include "core/messages/control_sizes.hpp"
#include "core/record_codec.hpp"

// How attempts end: results, what is committed, what is acknowledged.

namespace graphite {

using impl = dispatcher_impl;

namespace {

report_kind kind_of(attempt_status status) {
  switch (status) {
    case attempt_status::succeeded:
      return report_kind::succeeded;
    case attempt_status::failed:
      return report_kind::failed;
    case attempt_status::stale_input:
      return report_kind::stale_input;
    case attempt_status::cancelled:
      return report_kind::handed_back;
    case attempt_status::lost_input:
      return report_kind::lost_input;
    case attempt_status::refused:
      break;
  }
  return report_kind::refused;
}

/// Of all that has to be the same when an action is done twice: what it made.
digest outcome_of(const hasher& hash, const attempt_result& result) {
  record_writer out;
  out.number(result.outputs.size());
  for (const auto& output : result.outputs) {
    out.bytes(output.path.str());
    out.content(output.content);
    out.contents(output.parts);
  }
  return hash.sha256(as_bytes(out.text()));
}

std::vector<content_use> made_by(const attempt_result& result) {
  std::vector<content_use> out;
  for (const auto& output : result.outputs)
    for (const auto& content : output.stored()) out.push_back({content_number(content.id), content.size});
  return out;
}

}  // namespace

void impl::results(link_id link, dispatch_session& session, node_session number, control::results&& what) {
  if (what.first != session.results.next())
    return refuse(
        link, errc::corrupt,
        fmt::format("results come from {} on, but the next one is {}", what.first, session.results.next()));
  for (auto& one : what.ends) ended(session, number, std::move(one));
}

void impl::ended(dispatch_session& session, node_session number, control::attempt_end&& what) {
  const auto place = session.results.came();
  const auto kind = kind_of(what.result.status);
  const bool counts = kind == report_kind::succeeded || kind == report_kind::failed;
  const auto outputs = made_by(what.result);
  const auto use = schedule.finished(number,
                                     {what.attempt, kind, counts ? outcome_of(*hash, what.result) : digest{},
                                      what.result.wall, what.result.cpu, what.memory_peak_bytes, outputs},
                                     now);
  auto* record = find(what.attempt.task);
  dispatch_record::given given;
  if (record != nullptr && use != report_use::fenced) {
    const auto same = [&](const auto& one) { return one.number == what.attempt.number.value; };
    const auto found = std::ranges::find_if(record->attempts, same);
    if (found != record->attempts.end()) given = std::exchange(*found, {});
    if (kind == report_kind::lost_input) record->lost = std::move(what.result.lost);
    if (!counts && kind != report_kind::handed_back) record->why = what.result.message;
  }
  if (kind == report_kind::refused && !std::exchange(session.refuses, true))
    out.push_back(dispatch_commands::refuses{session.name, what.result.message});
  if (counts) session.refuses = false;
  if (counts && !learned_due) learned_due = now + options.learned_every;
  if (use != report_use::committed && use != report_use::unasked) {
    // What is left out for another result may be forgotten when that one is safe.
    const auto other = uncommitted.find(what.attempt.task.value);
    if (use == report_use::compared && other != uncommitted.end())
      return other->second.places.push_back({number, place});
    return safe(number, place);
  }
  GRAPHITE_INVARIANT(record != nullptr);
  auto made = std::make_shared<finished_attempt>();
  made->key = record->key;
  made->task = record->what;
  if (const auto* recipe = made->task ? recipes.find(made->task->recipe) : nullptr) made->rule = recipe->rule;
  const auto bytes = control::bytes_of(what);
  const auto task = what.attempt.task.value;
  made->end = std::move(what);
  made->node = session.name;
  made->domain = given.domain;
  made->reason = given.reason;
  made->assigned = given.at;
  made->reported = now;
  made->earlier = record->why;
  commits.add({made, use == report_use::unasked}, bytes);
  if (!made->key.is_zero()) {
    const bool first = uncommitted_keys.emplace(made->key, task).second;
    GRAPHITE_INVARIANT(first);
  }
  auto& kept = uncommitted[task];
  kept.what = std::move(made);
  if (planted(planted_bug::acknowledged_before_safe)) return safe(number, place);
  kept.places = {{number, place}};
}

/// The node may forget it, once it may forget all before it.
void impl::safe(node_session session, std::uint64_t number) {
  auto its = sessions.find(session);
  if (planted(planted_bug::acknowledged_in_another_session) && its == sessions.end()) its = sessions.begin();
  if (its == sessions.end()) return;  // its next session has said what to do with it
  if (its->second.results.safe(number) && !its->second.acknowledge_by)
    its->second.acknowledge_by = now + options.acknowledge_within;
}

void impl::tell(uncommitted_result& one) {
  for (const auto& waiter : std::exchange(one.waiters, {})) {
    held.erase(waiter.waiter.value);
    dones.push_back({.waiter = waiter.waiter,
                     .cookie = waiter.cookie,
                     .job = waiter.job,
                     .revision = waiter.revision,
                     .how = task_end::finished,
                     .result = one.what,
                     .submitted = waiter.submitted,
                     .at = now});
    if (planted(planted_bug::one_waiter_told)) break;
  }
}

void impl::committed(std::uint64_t batch, const result<void>& how) {
  if (!how && !planted(planted_bug::failed_commit_taken_for_good))
    return commits.failed(batch, how.error(), now);
  const auto durable = commits.succeeded(batch);
  if (!durable) return;
  for (const auto& entry : durable->results) {
    const auto found = uncommitted.find(entry.what->end.attempt.task.value);
    auto one = std::move(found->second);
    uncommitted.erase(found);
    if (!one.what->key.is_zero()) uncommitted_keys.erase(one.what->key);
    tell(one);
    for (const auto& place : one.places) safe(place.session, place.number);
  }
}

void dispatcher::committed(std::uint64_t batch, const result<void>& how, time_point now) {
  impl_->advance(now);
  impl_->committed(batch, how);
}

}  // namespace graphite
