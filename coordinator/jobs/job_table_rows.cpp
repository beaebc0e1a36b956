#include <algorithm>
#include <utility>

#include "coordinator/jobs/job_table.hpp"

namespace graphite {

result<void> job_table::load(const std::vector<std::pair<std::string, std::string>>& rows,
                             const job_time& at) {
  GRAPHITE_INVARIANT(jobs_.empty() && next_.value == 1);
  std::map<job_id, job_record> records;
  for (const auto& [key, value] : rows) {
    if (key == job_counter_key()) {
      GRAPHITE_TRY(const auto next, decode_job_counter(value));
      next_ = std::max(next_, next);
    } else if (const auto id = job_of_row_key(key)) {
      GRAPHITE_TRY(auto record, decode_job(*id, value));
      records.emplace(*id, std::move(record));
    }
  }
  for (auto& [id, record] : records) load_job(std::move(record), at);
  std::vector<std::string> tenants;
  for (const auto& [tenant, jobs] : of_tenant_) tenants.push_back(tenant);
  for (const auto& tenant : tenants) trim(tenant);
  return {};
}

/// In the order of the numbers: of two jobs with one key the later one has it.
void job_table::load_job(job_record record, const job_time& at) {
  const auto id = record.id;
  next_ = std::max(next_, job_id{id.value + 1});
  keys_[{record.tenant, record.key}] = id;
  of_tenant_[record.tenant].insert(id);
  auto& of = jobs_[id];
  auto request = std::exchange(record.request, std::nullopt);
  of.record = std::move(record);
  if (request) of.request_bytes = encode_job_request(*request).size();
  tenants_.enter_again(of.record.tenant, of.request_bytes);
  if (of.record.outcome) {
    of.on_disk = disk::over;
    of.state = of.record.outcome->state;
    of.progress = of.record.outcome->progress;
    return keep(of, at);
  }
  ++open_;
  of.on_disk = disk::open;
  // Another clock than before: no more time than the whole, whatever it says.
  if (of.record.deadline_unix_ns != 0) {
    const auto left = duration(std::max<std::int64_t>(0, of.record.deadline_unix_ns - at.unix_ns));
    set_timer(of, &job::deadline, at.now + std::min(left, duration(request->deadline)));
  }
  of.request = std::make_shared<const job_request>(std::move(*request));
  tell(of, at, job_events::state_changed{job_state::accepted, "the coordinator has started anew"});
  look(of);
}

std::optional<job_commands::commit> job_table::next_commit(const job_time& at) {
  if (in_flight_ || (dirty_.empty() && erasing_.empty())) return {};
  const bool is_new = std::any_of(dirty_.begin(), dirty_.end(),
                                  [this](job_id id) { return jobs_.at(id).on_disk == disk::nothing; });
  if (retry_at_ && at.now < *retry_at_ && !is_new) return {};
  retry_at_.reset();
  job_commands::commit out;
  batch now;
  out.batch = now.number = ++last_batch_;
  while (!dirty_.empty() && out.rows.size() < options_.rows_max) {
    const auto id = *dirty_.begin();
    dirty_.erase(dirty_.begin());
    const auto& of = jobs_.at(id);
    auto record = of.record;
    if (!record.outcome) record.request = *of.request;
    out.rows.push_back({table::journal, job_row_key(id), encode_job(record)});
    now.jobs.push_back(id);
    if (record.outcome) now.over.insert(id);
  }
  while (!erasing_.empty() && out.rows.size() < options_.rows_max) {
    now.erased.push_back(*erasing_.begin());
    out.rows.push_back({table::journal, job_row_key(*erasing_.begin()), std::nullopt});
    erasing_.erase(erasing_.begin());
  }
  if (is_new) out.rows.push_back({table::journal, job_counter_key(), encode_job_counter(next_)});
  in_flight_ = std::move(now);
  return out;
}

void job_table::committed(std::uint64_t number, const job_time& at) {
  if (!in_flight_ || in_flight_->number != number) return;
  const auto done = std::move(*in_flight_);
  in_flight_.reset();
  std::set<std::string> tenants;
  for (const auto id : done.jobs) {
    auto& of = jobs_.at(id);
    const bool is_new = of.on_disk == disk::nothing;
    if (is_new) {
      of.on_disk = disk::open;
      tell(of, at, job_events::state_changed{job_state::accepted, {}});
    }
    if (done.over.contains(id)) {
      settle_end(of, at);
      tenants.insert(of.record.tenant);
    } else if (is_new && !of.ending) {
      look(of);
    }
    if (is_new) commands_.push_back(job_commands::saved{id});
  }
  for (const auto& tenant : tenants) trim(tenant);
}

void job_table::commit_failed(std::uint64_t number, const error& why, const job_time& at) {
  if (!in_flight_ || in_flight_->number != number) return;
  const auto lost = std::move(*in_flight_);
  in_flight_.reset();
  retry_at_ = at.now + options_.retry;
  for (const auto id : lost.jobs) {
    if (jobs_.at(id).on_disk == disk::nothing)
      drop_unsaved(id, why);
    else
      dirty_.insert(id);
  }
  erasing_.insert(lost.erased.begin(), lost.erased.end());
}

/// As if it had never been asked for.
void job_table::drop_unsaved(job_id id, const error& why) {
  auto& of = jobs_.at(id);
  clear_timers(of);
  tenants_.leave(of.record.tenant, id, of.request_bytes, 0);
  keys_.erase({of.record.tenant, of.record.key});
  auto& own = of_tenant_[of.record.tenant];
  own.erase(id);
  if (own.empty()) of_tenant_.erase(of.record.tenant);
  events_.forget(id);
  dirty_.erase(id);
  jobs_.erase(id);
  --open_;
  // It may be there in part: of a write that failed nobody knows.
  erasing_.insert(id);
  commands_.push_back(job_commands::refused{id, why});
}

std::optional<time_point> job_table::next_wake(const job_time& at) const {
  std::optional<time_point> out;
  if (!timers_.empty()) out = timers_.begin()->when;
  if (in_flight_ || (dirty_.empty() && erasing_.empty())) return out;
  const auto again = retry_at_.value_or(at.now);
  return out ? std::min(*out, again) : again;
}

std::vector<job_command> job_table::step(const job_time& at) {
  run_timers(at);
  if (auto commit = next_commit(at)) commands_.push_back(std::move(*commit));
  for (const auto id : std::exchange(news_, {})) commands_.push_back(job_commands::news{id});
  if (const auto when = next_wake(at)) commands_.push_back(job_commands::wake_at{*when});
  return std::exchange(commands_, {});
}

}  // namespace graphite
