#include <fmt/format.h>

#include <utility>

#include "coordinator/jobs/job_table.hpp"
#include "core/text_tail.hpp"

namespace graphite {

namespace {

constexpr std::size_t failures_bytes_max = 64 * KiB;

/// What is kept of an end: the first failures, each message at its end.
job_outcome trimmed(job_outcome outcome) {
  outcome.message = last_lines(outcome.message, job_limits::said_bytes_max);
  if (outcome.failures.size() > job_limits::failures_max) outcome.failures.resize(job_limits::failures_max);
  if (outcome.outputs.size() > job_limits::outputs_max) outcome.outputs.resize(job_limits::outputs_max);
  std::size_t left = failures_bytes_max;
  for (auto& one : outcome.failures) {
    one.message = last_lines(one.message, std::min(left, job_limits::said_bytes_max));
    left -= one.message.size();
  }
  return outcome;
}

std::uint64_t told_bytes(const job_event& event) {
  if (const auto* state = std::get_if<job_events::state_changed>(&event.what)) return state->message.size();
  if (const auto* failed = std::get_if<job_events::action_failed>(&event.what))
    return failed->what.path.size() + failed->what.message.size();
  return 0;
}

}  // namespace

void job_table::tell(job& of, const job_time& at, decltype(job_event::what) what) {
  job_event event{0, at.unix_ns, std::move(what)};
  const auto bytes = told_bytes(event);
  events_.append(of.record.id, std::move(event), bytes);
  news_.insert(of.record.id);
}

void job_table::change(job& of, job_state state, const job_time& at, std::string message) {
  if (of.state == state) return;
  of.state = state;
  tell(of, at, job_events::state_changed{state, std::move(message)});
}

void job_table::look(job& of) {
  of.looking = true;
  of.look_again = false;
  commands_.push_back(job_commands::look{of.record.id, of.request});
}

void job_table::looked(job_id id, std::uint64_t missing, std::uint64_t missing_bytes, const job_time& at) {
  auto* const of = open_job(id);
  if (of == nullptr || !of->looking) return;
  of->looking = false;
  of->missing = missing;
  of->missing_bytes = missing_bytes;
  if (missing > 0) {
    change(*of, job_state::waiting_for_blobs, at);
    tell(*of, at, job_events::blobs_missing{missing, missing_bytes});
    if (!of->waits_until) set_timer(*of, &job::waits_until, at.now + options_.blob_wait);
    if (of->look_again) return look(*of);
  } else {
    set_timer(*of, &job::waits_until, {});
    release_uploads(*of);
    change(*of, job_state::planning, at);
    commands_.push_back(job_commands::plan{id, of->request});
  }
  commands_.push_back(job_commands::looked_at{id});
}

void job_table::began(job_id id, const job_time& at) {
  if (auto* const of = open_job(id)) change(*of, job_state::building, at);
}

void job_table::progress(job_id id, const job_progress& now, const job_time& at) {
  auto* const of = open_job(id);
  if (of == nullptr || of->progress == now) return;
  of->progress = now;
  if (of->progress_told && at.now < *of->progress_told + options_.progress_interval) {
    if (!of->progress_at) set_timer(*of, &job::progress_at, *of->progress_told + options_.progress_interval);
    return;
  }
  tell_progress(*of, at);
}

void job_table::tell_progress(job& of, const job_time& at) {
  set_timer(of, &job::progress_at, {});
  of.progress_told = at.now;
  of.last_told = of.progress;
  tell(of, at, job_events::progressed{of.progress});
}

void job_table::action_failed(job_id id, job_failure what, const job_time& at) {
  auto* const of = open_job(id);
  if (of == nullptr) return;
  what.message = last_lines(what.message, job_limits::said_bytes_max);
  tell(*of, at, job_events::action_failed{std::move(what)});
}

void job_table::said(job_id id, std::string path, std::string text, const job_time& at) {
  auto* const of = open_job(id);
  if (of == nullptr || text.empty()) return;
  text = last_lines(text, job_limits::said_bytes_max);
  const auto bytes = path.size() + text.size();
  logs_.append(id, job_log_piece{0, at.unix_ns, std::move(path), std::move(text)}, bytes);
  news_.insert(id);
}

void job_table::ended(job_id id, job_outcome outcome, const job_time& at) {
  auto* const of = open_job(id);
  if (of == nullptr) return;
  GRAPHITE_INVARIANT(is_over(outcome.state));
  finish(*of, std::move(outcome), at);
}

/// Ends it from here: what works for it is told.
void job_table::stop(job& of, job_state state, std::string message, const job_time& at) {
  if (of.ending) return;
  if (of.on_disk == disk::open) commands_.push_back(job_commands::stop{of.record.id});
  job_outcome outcome;
  outcome.state = state;
  outcome.message = std::move(message);
  outcome.progress = of.progress;
  outcome.progress.running = 0;
  finish(of, std::move(outcome), at);
}

/// It has an outcome, which counts once it is on disk.
void job_table::finish(job& of, job_outcome outcome, const job_time& at) {
  const bool answer = std::exchange(of.looking, false);
  of.ending = true;
  of.record.outcome = trimmed(std::move(outcome));
  of.record.ended_unix_ns = at.unix_ns;
  clear_timers(of);
  release_uploads(of);
  dirty_.insert(of.record.id);
  if (answer) commands_.push_back(job_commands::looked_at{of.record.id});
}

void job_table::release_uploads(job& of) {
  tenants_.drop_uploads(of.record.tenant, of.uploads.size(), of.upload_bytes);
  of.uploads.clear();
  of.upload_bytes = 0;
}

/// Its end is on disk: from now on it says so.
void job_table::settle_end(job& of, const job_time& at) {
  of.ending = false;
  of.on_disk = disk::over;
  of.missing = of.missing_bytes = 0;
  of.progress = of.record.outcome->progress;
  if (of.progress != of.last_told) tell_progress(of, at);  // however quick it was
  change(of, of.record.outcome->state, at, of.record.outcome->message);
  of.request.reset();
  --open_;
  keep(of, at);
}

/// It is over and kept for a while.
void job_table::keep(job& of, const job_time& at) {
  of.row_bytes = encode_job(of.record).size();
  tenants_.leave(of.record.tenant, of.record.id, of.request_bytes, of.row_bytes);
  const auto gone = duration(std::max<std::int64_t>(0, at.unix_ns - of.record.ended_unix_ns));
  set_timer(of, &job::forget_at, at.now + std::max(duration::zero(), options_.kept_for - gone));
}

void job_table::trim(const std::string& tenant) {
  while (const auto oldest = tenants_.one_too_many(tenant)) forget(*oldest);
}

void job_table::forget(job_id id) {
  const auto found = jobs_.find(id);
  auto& of = found->second;
  GRAPHITE_INVARIANT(of.on_disk == disk::over);
  clear_timers(of);
  tenants_.forget(of.record.tenant, id, of.row_bytes);
  // A later job may have got its key: after a crash that came before its row was erased.
  if (const auto key = keys_.find({of.record.tenant, of.record.key}); key != keys_.end() && key->second == id)
    keys_.erase(key);
  auto& own = of_tenant_[of.record.tenant];
  own.erase(id);
  if (own.empty()) of_tenant_.erase(of.record.tenant);
  events_.forget(id);
  logs_.forget(id);
  jobs_.erase(found);
  news_.erase(id);
  erasing_.insert(id);
  commands_.push_back(job_commands::forgotten{id});
}

void job_table::set_timer(job& of, std::optional<time_point> job::*which, std::optional<time_point> when) {
  auto& at = of.*which;
  if (at) timers_.erase(timers_.find({*at, of.record.id}));
  at = when;
  if (at) timers_.insert({*at, of.record.id});
}

void job_table::clear_timers(job& of) {
  for (const auto which : {&job::deadline, &job::waits_until, &job::forget_at, &job::progress_at})
    set_timer(of, which, {});
}

void job_table::run_timers(const job_time& at) {
  while (!timers_.empty() && timers_.begin()->when <= at.now)
    run_timers_of(jobs_.at(timers_.begin()->job), at);
}

void job_table::run_timers_of(job& of, const job_time& at) {
  const auto due = [&](const std::optional<time_point>& one) { return one && *one <= at.now; };
  if (due(of.forget_at)) return forget(of.record.id);
  if (due(of.deadline)) return stop(of, job_state::deadline_exceeded, "its deadline has passed", at);
  if (due(of.waits_until))
    return stop(of, job_state::failed,
                fmt::format("{} contents of it were not uploaded in time: submit it again", of.missing), at);
  if (due(of.progress_at)) tell_progress(of, at);
}

}  // namespace graphite
