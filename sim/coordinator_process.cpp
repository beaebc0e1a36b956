#include "sim/coordinator_process.hpp"

#include <algorithm>

#include "core/record_codec.hpp"
#include "schemas/codec/control_messages.hpp"
#include "sim/world.hpp"

namespace graphite::sim {

using service = lease_table::service;

coordinator_process::coordinator_process(world& in, dispatcher_options options)
    : process(in.all), journal(*this, in.any), in_(in), options_(std::move(options)) {}

void coordinator_process::start() {
  born();
  jobs_.clear();
  pending_.clear();
  results_.clear();
  wishes_.clear();
  here_.clear();
  wake_.reset();
  replay();
  last_epoch_ = std::max(last_epoch_ + 1, in_.wall_clock);
  reign();
}

void coordinator_process::crash(bool told) {
  if (!alive()) return;
  in_.net.crashed(0, told);
  died();
  journal.crash();
  dispatcher_.reset();
  in_.record({.what = event::kind::coordinator_died});
}

link_end coordinator_process::listening() {
  const auto message = [this](link_id link, byte_vector bytes) {
    auto read = decode_to_coordinator(bytes);
    if (!read) return in_.trouble("the coordinator cannot read: " + read.error().context);
    dispatcher_->received(link, std::move(*read), in_.all.now());
    pump();
  };
  const auto closed = [this](link_id link) {
    dispatcher_->disconnected(link, in_.all.now());
    pump();
  };
  return {0, this, message, closed};
}

void coordinator_process::dialled(link_id link, const std::string& name) {
  dispatcher_->connected(link, name, in_.all.now());
  pump();
}

void coordinator_process::set_service(const std::string& node, service how, duration within) {
  if (!ready()) return;
  const auto now = in_.all.now();
  if (!dispatcher_->set_service(node, how, now + within, now)) in_.trouble("a service was not set");
  pump();
}

void coordinator_process::pump() {
  if (!ready() || std::exchange(pumping_, true)) return;
  for (;;) {
    auto commands = dispatcher_->step(in_.all.now());
    const auto only_waits = [](const dispatch_command& one) {
      return std::holds_alternative<dispatch_commands::wake_at>(one);
    };
    const bool quiet = std::ranges::all_of(commands, only_waits);
    for (auto& command : commands) std::visit([this](auto& one) { take(one); }, command);
    if (quiet) break;
  }
  pumping_ = false;
  if (dispatcher_->count().uncommitted > options_.uncommitted_max + 500)
    in_.trouble("results pile up before the disk");
}

void coordinator_process::take(dispatch_commands::send& what) {
  auto bytes = encode(what.what);
  if (bytes.size() > control_limits::message_bytes_max) in_.trouble("a coordinator's message is too large");
  in_.net.send(what.link, false, std::move(bytes));
}

void coordinator_process::take(dispatch_commands::hang_up& what) {
  if (what.why.code != errc::timed_out && what.why.code != errc::already_exists)
    in_.trouble("the coordinator hangs up: " + what.why.context);
  in_.net.close(what.link, false);
}

void coordinator_process::take(dispatch_commands::commit& what) {
  std::vector<std::string> records;
  for (const auto& entry : what.what->results) {
    const auto& one = *entry.what;
    if (entry.unasked && results_.contains(one.key)) continue;
    record_writer out;
    out.byte('C');
    out.digest_value(one.key);
    const auto& outputs = one.end.result.outputs;
    out.digest_value(outputs.empty() ? digest{} : outputs[0].content.id);
    out.number(one.end.attempt.epoch.value);
    out.number(one.end.attempt.task.value);
    out.number(one.end.attempt.number.value);
    records.push_back(out.take());
  }
  journal.append(std::move(records), [this, batch = what.what](result<void> how) {
    if (how) committed(*batch);
    dispatcher_->committed(batch->number, how, in_.all.now());
    in_.count(how ? "commits" : "commits refused");
    pump();
  });
}

void coordinator_process::committed(const commit_batch& batch) {
  for (const auto& entry : batch.results) {
    const auto& one = *entry.what;
    if (entry.unasked && results_.contains(one.key)) continue;
    const auto& outputs = one.end.result.outputs;
    const auto value = outputs.empty() ? digest{} : outputs[0].content.id;
    results_[one.key] = value;
    if (entry.unasked) in_.count("results that nobody asked for");
    note_committed(one.key, value, one.end.attempt);
  }
}

void coordinator_process::take(dispatch_commands::done& what) {
  const auto found = wishes_.find(what.waiter.value);
  if (found == wishes_.end()) return in_.trouble("somebody was told twice, or after he gave up");
  const auto its = found->second;
  wishes_.erase(found);
  auto& job = jobs_.at(its.job);
  job.waiters.erase(what.waiter.value);
  if (what.how != task_end::finished) {
    in_.count(what.how == task_end::poisoned ? "poisoned" : "exhausted");
    const auto& key = job.all.actions[its.action].key;
    if (what.how == task_end::poisoned) (void)dispatcher_->forgive(tenants_[its.job % 2], key);
    return after(milliseconds(500), [this, its] {
      auto& again = jobs_.at(its.job);
      if (again.open) advance(again, {its.action});
      pump();
    });
  }
  in_.record({.what = event::kind::told,
              .key = what.result->key,
              .value = what.result->end.result.outputs.at(0).content.id});
  std::vector<std::size_t> ready;
  made(job, its.action, ready);
  advance(job, std::move(ready));
}

void coordinator_process::take(dispatch_commands::differs&) {
  in_.trouble("two results of one action differ");
}

void coordinator_process::take(dispatch_commands::node_came& what) {
  in_.count("adopted", what.adopted);
  here_.insert(what.name);
  in_.record({.what = event::kind::node_came, .node = std::stoul(what.name.substr(4)) - 1});
  tell_stores();
}

void coordinator_process::take(dispatch_commands::node_lost& what) {
  in_.count("nodes lost");
  here_.erase(what.name);
  in_.record({.what = event::kind::node_lost, .node = std::stoul(what.name.substr(4)) - 1});
  tell_stores();
}

void coordinator_process::tell_stores() {
  std::vector<control::store_address> stores;
  for (const auto& name : here_) stores.push_back({name, {}});
  dispatcher_->set_stores(std::clamp<std::uint32_t>(static_cast<std::uint32_t>(stores.size()), 1, 2),
                          std::move(stores));
}

void coordinator_process::take(dispatch_commands::drained&) { in_.count("drained"); }

void coordinator_process::take(dispatch_commands::remember&) {
  record_writer out;
  out.byte('N');
  out.bytes(encode_cluster(dispatcher_->remember()));
  append({out.take()});
}

void coordinator_process::take(dispatch_commands::learned& what) {
  std::vector<std::string> rows;
  for (const auto& row : what.rules) {
    record_writer out;
    out.byte('R');
    out.bytes(encode_rule(row));
    rows.push_back(out.take());
  }
  append(std::move(rows));
}

void coordinator_process::take(dispatch_commands::deposed&) {
  in_.trouble("the only coordinator was deposed");
}

void coordinator_process::take(dispatch_commands::wake_at& what) {
  if (wake_ && *wake_ <= what.when && *wake_ > in_.all.now()) return;
  wake_ = what.when;
  at(what.when, [this, when = what.when] {
    if (wake_ == when) wake_.reset();
    pump();
  });
}

void coordinator_process::append(std::vector<std::string> records, std::function<void(result<void>)> done) {
  journal.append(std::move(records), [done = std::move(done)](result<void> how) {
    if (done) done(std::move(how));
  });
}

}  // namespace graphite::sim
