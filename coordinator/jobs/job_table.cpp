#include "coordinator/jobs/job_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "coordinator/cluster/cluster_types.hpp"

namespace graphite {

namespace {

/// Numbers of events of an earlier reign are lower; 2^32 events are more than a reign has time for.
constexpr unsigned epoch_shift = 32;

tl::unexpected<error> no_such_job(job_id id) {
  return fail(errc::not_found, fmt::format("there is no job {}, or it is kept no more", id.value));
}

}  // namespace

job_table::job_table(const job_table_options& options, epoch_number epoch, const hasher& hash)
    : options_(options),
      hash_(hash),
      first_number_(epoch.value << epoch_shift),
      tenants_(options.quota, options.tenants_max),
      events_(options.events, first_number_),
      logs_(options.logs, first_number_) {}

result<const job_table::job*> job_table::visible(const job_caller& who, job_id id) const {
  const auto found = jobs_.find(id);
  if (found == jobs_.end() || found->second.on_disk == disk::nothing) return no_such_job(id);
  if (!who.every_tenant && found->second.record.tenant != who.tenant) return no_such_job(id);
  return &found->second;
}

job_table::job* job_table::open_job(job_id id) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end() || found->second.on_disk != disk::open || found->second.ending) return nullptr;
  return &found->second;
}

result<job_table::submission> job_table::submit(const job_caller& who, job_request request,
                                                const job_time& at) {
  GRAPHITE_CHECK(check_job_request(request));
  const auto encoded = encode_job_request(request);
  const auto what = hash_.sha256(as_bytes(encoded));
  const std::pair key(who.tenant, request.key);
  if (const auto known = keys_.find(key); known != keys_.end()) {
    const auto& there = jobs_.at(known->second);
    if (there.record.request_digest != what)
      return fail(errc::already_exists,
                  fmt::format("this key is that of job {}, which wants something else: each job has its own",
                              there.record.id.value));
    return submission{there.record.id, true, there.on_disk != disk::nothing};
  }
  if (open_ >= options_.open_max)
    return fail(errc::busy, fmt::format("this coordinator has {} jobs that are not over: try later", open_));
  GRAPHITE_CHECK(tenants_.enter(who.tenant, encoded.size(), at.now));
  ++open_;
  const auto id = std::exchange(next_, job_id{next_.value + 1});
  auto& made = jobs_[id];
  made.record = {id,
                 who.tenant,
                 who.name,
                 request.key,
                 request.label,
                 request.priority,
                 std::holds_alternative<action_job>(request.what),
                 what,
                 at.unix_ns,
                 0,
                 0,
                 {},
                 {}};
  made.request_bytes = encoded.size();
  if (request.deadline > milliseconds::zero()) {
    made.record.deadline_unix_ns = at.unix_ns + duration(request.deadline).count();
    set_timer(made, &job::deadline, at.now + request.deadline);
  }
  made.request = std::make_shared<const job_request>(std::move(request));
  keys_.emplace(key, id);
  of_tenant_[who.tenant].insert(id);
  dirty_.insert(id);
  return submission{id, false, false};
}

result<bool> job_table::cancel(const job_caller& who, job_id id, const job_time& at) {
  GRAPHITE_TRY(const auto* const seen, visible(who, id));
  if (seen->on_disk == disk::over) return true;
  stop(jobs_.at(id), job_state::cancelled, "cancelled by " + who.name, at);
  return false;
}

result<bool> job_table::uploaded(const job_caller& who, job_id id, const job_time& at) {
  GRAPHITE_CHECK(visible(who, id));
  auto* const of = open_job(id);
  if (of == nullptr) return false;
  if (of->looking) {
    of->look_again = true;  // what was looked at before may have come since
    return true;
  }
  if (of->state != job_state::waiting_for_blobs) return false;
  set_timer(*of, &job::waits_until, at.now + options_.blob_wait);
  look(*of);
  return true;
}

result<std::uint64_t> job_table::will_upload(const job_caller& who, job_id id,
                                             const std::vector<content_ref>& missing, const job_time& at) {
  GRAPHITE_CHECK(visible(who, id));
  auto* const of = open_job(id);
  if (of == nullptr) return fail(errc::cancelled, fmt::format("job {} is over", id.value));
  std::vector<std::uint64_t> added;
  std::uint64_t bytes = 0;
  for (const auto& one : missing) {
    const auto number = content_number(one.id);
    if (!of->uploads.insert(number).second) continue;
    added.push_back(number);
    bytes += one.size;
  }
  const auto room = tenants_.add_uploads(of->record.tenant, added.size(), bytes);
  if (!room) {
    for (const auto number : added) of->uploads.erase(number);
    return tl::unexpected(room.error());
  }
  of->upload_bytes += bytes;
  if (of->waits_until) set_timer(*of, &job::waits_until, at.now + options_.blob_wait);
  return of->upload_bytes + tenants_.upload_bytes_left(of->record.tenant);
}

job_info job_table::info_of(const job& of, bool with_outcome) const {
  const auto& record = of.record;
  job_info out;
  out.id = record.id;
  out.tenant = record.tenant;
  out.owner = record.owner;
  out.label = record.label;
  out.priority = record.priority;
  out.is_action = record.is_action;
  out.state = of.state;
  out.accepted_unix_ns = record.accepted_unix_ns;
  out.deadline_unix_ns = record.deadline_unix_ns;
  out.missing = of.missing;
  out.missing_bytes = of.missing_bytes;
  out.progress = of.progress;
  if (of.on_disk != disk::over) return out;
  out.ended_unix_ns = record.ended_unix_ns;
  if (with_outcome) out.outcome = record.outcome;
  return out;
}

needed_contents job_table::needed() const {
  needed_contents out;
  for (const auto& [id, of] : jobs_) {
    if (of.request) out.trees.push_back(tree_of(*of.request));
    if (!of.record.outcome) continue;
    if (of.record.outcome->listing.size > 0) out.listings.push_back(of.record.outcome->listing);
    for (const auto& output : of.record.outcome->outputs) out.contents.push_back(output.content.id);
  }
  return out;
}

result<job_info> job_table::status(const job_caller& who, job_id id) const {
  return visible(who, id).map([this](const job* of) { return info_of(*of, true); });
}

std::vector<job_info> job_table::list(const job_caller& who, const job_filter& filter) const {
  std::vector<job_info> out;
  const auto most = std::min<std::size_t>(filter.most, job_limits::listed_max);
  const auto add = [&](job_id id) {
    const auto of = visible(who, id);
    if (!of || (filter.open_only && is_over((*of)->state))) return;
    if (filter.before.value == 0 || id < filter.before) out.push_back(info_of(**of, false));
  };
  if (who.every_tenant) {
    for (auto one = jobs_.rbegin(); one != jobs_.rend() && out.size() < most; ++one) add(one->first);
  } else if (const auto own = of_tenant_.find(who.tenant); own != of_tenant_.end()) {
    for (auto one = own->second.rbegin(); one != own->second.rend() && out.size() < most; ++one) add(*one);
  }
  return out;
}

template <class Item>
job_batch<Item> job_table::batch_of(const event_log<Item>& from, const job& of, std::uint64_t after) const {
  auto out = from.read(of.record.id, after, job_limits::events_max, job_limits::batch_bytes_max);
  out.over = of.on_disk == disk::over && !from.has_more(of.record.id, out.last);
  return out;
}

result<job_event_batch> job_table::events(const job_caller& who, job_id id, std::uint64_t after) const {
  return visible(who, id).map([&](const job* of) {
    auto out = batch_of(events_, *of, after);
    if (after <= first_number_ || out.left_out > 0) out.summary = info_of(*of, true);
    return out;
  });
}

result<job_log_batch> job_table::logs(const job_caller& who, job_id id, std::uint64_t after) const {
  return visible(who, id).map([&](const job* of) { return batch_of(logs_, *of, after); });
}

}  // namespace graphite
