#include "node/slots.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace graphite {

std::vector<slots_command> slots::step(slots_event event, time_point now) {
  commands out;
  std::visit([&](auto& one) { on(std::move(one), now, out); }, event);
  start_more(out);
  sync_if_due(now, out);
  return out;
}

std::size_t slots::credit() const {
  const auto room = static_cast<std::size_t>(options_.queued_max) + options_.running_max;
  const auto taken = queue_.size() + running_;
  return room - std::min(room, taken);
}

std::vector<std::pair<action_id, attempt_number>> slots::open() const {
  std::vector<std::pair<action_id, attempt_number>> out;
  for (const auto& [which, entry] : open_) out.emplace_back(which.action, which.attempt);
  return out;
}

void slots::on(slot_event::assign event, time_point, commands& out) {
  const auto& spec = event.spec;
  if (spec.epoch < epoch_)
    return refuse(spec, fmt::format("epoch {} is over, {} reigns", spec.epoch.value, epoch_.value), out);
  const key which{spec.action, spec.attempt};
  if (open_.contains(which)) return;  // sent twice: reported once
  if (queue_.size() >= options_.queued_max && running_ >= options_.running_max)
    return refuse(spec, fmt::format("{} attempts are waiting already", queue_.size()), out);
  open_.emplace(which, entry{attempt_phase::queued, spec.epoch});
  queue_.push_back(std::move(event.spec));
}

void slots::on(slot_event::finished event, time_point now, commands& out) {
  const auto found = open_.find({event.result.action, event.result.attempt});
  GRAPHITE_INVARIANT(found != open_.end());
  const bool waits = event.needs_sync && event.result.status == attempt_status::succeeded;
  const auto next =
      advance(found->second.phase, waits ? attempt_signal::ended_unsynced : attempt_signal::ended);
  GRAPHITE_INVARIANT(next.legal);
  --running_;
  found->second.phase = next.next;
  if (next.reported) return report(std::move(event.result), out);
  if (unsynced_.empty()) {
    oldest_unsynced_ = now;
    out.push_back(slot_command::wake{now + options_.settle_delay});
  }
  unsynced_.push_back(std::move(event.result));
}

void slots::on(slot_event::synced event, time_point, commands& out) {
  GRAPHITE_INVARIANT(event.batch == batch_ && !syncing_.empty());
  for (auto& result : std::exchange(syncing_, {})) {
    if (event.failure) {
      result.status = attempt_status::refused;
      result.message = event.failure->context;
      result.outputs.clear();
      result.discovered.reset();
    }
    report(std::move(result), out);
  }
}

void slots::on(slot_event::cancel event, time_point, commands& out) {
  cancel({event.action, event.attempt}, out);
}

void slots::on(slot_event::epoch event, time_point, commands& out) {
  epoch_ = std::max(epoch_, event.now);
  std::vector<key> over;
  for (const auto& [which, entry] : open_)
    if (entry.epoch < epoch_) over.push_back(which);
  for (const auto& which : over) cancel(which, out);
}

void slots::on(slot_event::tick, time_point, commands&) {}

void slots::cancel(const key& which, commands& out) {
  const auto found = open_.find(which);
  if (found == open_.end()) return;  // reported already
  const auto before = found->second.phase;
  const auto next = advance(before, attempt_signal::asked_to_stop);
  found->second.phase = next.next;
  if (before == attempt_phase::running) out.push_back(slot_command::stop{which.action, which.attempt});
  if (!next.reported) return;
  std::erase_if(queue_, [&](const attempt_spec& spec) { return key{spec.action, spec.attempt} == which; });
  attempt_result result;
  result.action = which.action;
  result.attempt = which.attempt;
  result.status = attempt_status::cancelled;
  result.message = "cancelled before it began";
  report(std::move(result), out);
}

void slots::start_more(commands& out) {
  while (running_ < options_.running_max && !queue_.empty()) {
    auto& which = open_.at({queue_.front().action, queue_.front().attempt});
    which.phase = advance(which.phase, attempt_signal::started).next;
    ++running_;
    out.push_back(slot_command::start{std::move(queue_.front())});
    queue_.pop_front();
  }
}

/// One sync at a time. A batch goes when it is full, old enough, or nothing runs that could join it.
void slots::sync_if_due(time_point now, commands& out) {
  if (unsynced_.empty() || !syncing_.empty()) return;
  const bool full = unsynced_.size() >= options_.settle_batch_max;
  const bool old = now >= oldest_unsynced_ + options_.settle_delay;
  if (!full && !old && running_ != 0) return;
  syncing_.swap(unsynced_);
  out.push_back(slot_command::sync{++batch_});
}

void slots::report(attempt_result result, commands& out) {
  open_.erase({result.action, result.attempt});
  out.push_back(slot_command::report{std::move(result)});
}

void slots::refuse(const attempt_spec& spec, std::string why, commands& out) {
  attempt_result result;
  result.action = spec.action;
  result.attempt = spec.attempt;
  result.status = attempt_status::refused;
  result.message = std::move(why);
  out.push_back(slot_command::report{std::move(result)});
}

}  // namespace graphite
