#include "coordinator/revision.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "core/path_text.hpp"

/// \file When a revision closes, and what has to be asked before. See revision_events.cpp for the events.

namespace graphite {

namespace {

/// The earlier of two points of time, either of which may be missing.
std::optional<time_point> earlier(std::optional<time_point> a, std::optional<time_point> b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

}  // namespace

revision_builder::revision_builder(revision_options options) { set_options(std::move(options)); }

void revision_builder::set_options(revision_options options) {
  GRAPHITE_INVARIANT(options.role_of && options.settle_of && options.known);
  options_ = std::move(options);
}

std::vector<revision_step> revision_builder::apply(std::span<const fs_event> events, time_point now) {
  steps out;
  for (const auto& event : events) {
    const bool usable = event.when != time_point{} && event.when <= now;
    note(event, usable ? event.when : now, out);
  }
  advance(now, out);
  return out;
}

std::vector<revision_step> revision_builder::wake(time_point now) {
  steps out;
  armed_.reset();
  advance(now, out);
  return out;
}

std::vector<revision_step> revision_builder::open_answer(std::string_view path, bool open, time_point now) {
  steps out;
  const auto found = pending_.find(path);
  if (found == pending_.end() || found->second.at != phase::asked) return out;
  auto& e = found->second;
  set_phase(e, open ? phase::open : phase::ready);
  // Where it is closed, the event that says so may be on its way: then that makes the revision.
  e.due = now + (open ? options_.watch.max_delay : options_.newborn);
  advance(now, out);
  return out;
}

std::vector<revision_step> revision_builder::rescanned(std::string_view folder,
                                                       std::span<const rescan_change> differences,
                                                       time_point now) {
  steps out;
  if (const auto found = rescans_.find(folder); found != rescans_.end() && found->second.asked) {
    found->second.asked = false;
    --rescans_asked_;
    if (!found->second.again) rescans_.erase(found);
  }
  for (const auto& d : differences) note_difference(d, now);
  advance(now, out);
  return out;
}

/// Events know better than a scan what happens to a path now: only what is not pending is added.
void revision_builder::note_difference(const rescan_change& difference, time_point now) {
  if (!since_) since_ = now;
  if (pending_.find(difference.path) != pending_.end()) return;
  auto& e = entry_for(difference.path, now);
  e.due = now;
  if (difference.kind == change_kind::removed)
    set_phase(e, phase::removed);
  else
    set_phase(e, difference.recent ? phase::unsure : phase::ready);
}

bool revision_builder::hold(std::uint64_t holder, duration timeout, time_point now) {
  std::erase_if(holders_, [&](const auto& item) { return item.second <= now; });
  if (holders_.size() >= options_.holders_max && !holders_.contains(holder)) return false;
  holders_[holder] = now + timeout;
  return true;
}

std::vector<revision_step> revision_builder::release(std::uint64_t holder, time_point now) {
  steps out;
  if (holders_.erase(holder) != 0 && holders_.empty()) end_of_hold(now);
  advance(now, out);
  return out;
}

void revision_builder::end_of_hold(time_point now) {
  together_below_ = next_order_;
  restart_waiting(now);
}

/// Whether something that happened under a hold could not join a revision yet.
bool revision_builder::comes_together(time_point now) const {
  if (together_below_ == 0) return false;
  for (const auto& [path, e] : pending_) {
    const bool may_join = (e.at == phase::ready || e.at == phase::removed) && e.due <= now;
    if (e.order < together_below_ && e.at != phase::open && !may_join) return true;
  }
  return std::ranges::any_of(rescans_, [&](const auto& item) { return item.second.order < together_below_; });
}

/// A hold does not use up max_delay, and what a forced close left behind waits anew.
void revision_builder::restart_waiting(time_point now) {
  if (since_) since_ = now;
}

revision_builder::status revision_builder::state() const {
  return {pending_.size(), open_, rescans_.size(), holders_.size(), storm_, git_lock_};
}

void revision_builder::advance(time_point now, steps& out) {
  if (std::erase_if(holders_, [&](const auto& item) { return item.second <= now; }) != 0 && holders_.empty())
    end_of_hold(now);
  if (!holders_.empty()) {
    std::optional<time_point> first;
    for (const auto& [holder, until] : holders_) first = earlier(first, until);
    if (!since_) answer_cookies(out);
    return arm(first, out);
  }
  const bool forced = since_ && now >= *since_ + options_.watch.max_delay;
  if (since_ && !forced)
    if (const auto until = waits_until(); until > now)
      return arm(std::min(until, *since_ + options_.watch.max_delay), out);
  // Git may be at work for longer than anybody wants to wait: only what does nothing at all is stale.
  if (forced && now >= last_event_ + options_.watch.max_delay) lock_stale_ = true;
  const bool quiet = now >= last_event_ + options_.watch.quiet;
  const bool calm = (storm_ || lock_seen_) && quiet;
  issue(now, calm || forced, out);
  if (forced || (asked_ + rescans_asked_ == 0 && !comes_together(now))) close_ready(now, calm, out);
  if (forced) restart_waiting(now);
  after_close(now, quiet);
  answer_cookies(out);
  arm(next_due(now), out);
}

/// Until when settle, storm and lock keep the revision back; max: until an event.
time_point revision_builder::waits_until() const {
  if (lock_counts()) return time_point::max();
  return storm_ || lock_seen_ ? std::max(settle_until_, last_event_ + options_.watch.quiet) : settle_until_;
}

void revision_builder::issue(time_point now, bool calm, steps& out) {
  for (auto& [path, e] : pending_) {
    const bool due = e.due <= now || (calm && e.at == phase::unsure);
    if (!due || (e.at != phase::unsure && e.at != phase::open)) continue;
    set_phase(e, phase::asked);
    out.push_back(revision_command::ask_open{path});
  }
  issue_rescans(now, calm, out);
}

/// A folder below another that is about to be looked at needs no look of its own.
void revision_builder::issue_rescans(time_point now, bool calm, steps& out) {
  std::optional<std::string> above;
  for (auto f = rescans_.begin(); f != rescans_.end();) {
    auto& [folder, state] = *f;
    if (state.asked || (state.due > now && !calm)) {
      ++f;
      continue;
    }
    if (above && is_at_or_below(folder, *above)) {
      auto& cover = rescans_.find(*above)->second;
      cover.order = std::min(cover.order, state.order);
      f = rescans_.erase(f);
      continue;
    }
    state.asked = true;
    state.again = false;
    ++rescans_asked_;
    above = folder;
    out.push_back(revision_command::rescan{folder});
    ++f;
  }
}

void revision_builder::close_ready(time_point now, bool calm, steps& out) {
  revision_command::close made;
  for (auto at = pending_.begin(); at != pending_.end();) {
    const auto& e = at->second;
    // A path that changes again and again would never be due; nobody waits for it longer than this.
    const bool overdue = storm_ && now >= e.noticed + options_.watch.max_delay;
    if ((e.at != phase::ready && e.at != phase::removed) || (e.due > now && !calm && !overdue)) {
      ++at;
      continue;
    }
    const auto kind = e.at == phase::removed ? change_kind::removed : change_kind::written;
    made.noticed = made.changes.empty() ? e.noticed : std::min(made.noticed, e.noticed);
    made.changes.push_back({at->first, kind, e.noticed});
    at = erase(at);
  }
  name_open(now, made);
  if (made.changes.empty()) return;
  told_open_ = made.open;
  together_below_ = 0;
  if (since_) since_ = now;
  out.push_back(std::move(made));
}

/// What a revision has called open is named by a later one, whatever has become of it.
void revision_builder::name_open(time_point now, revision_command::close& made) {
  for (const auto& [path, e] : pending_)
    if (e.at == phase::unsure || e.at == phase::asked || e.at == phase::open) made.open.push_back(path);
  std::vector<noticed_change> forgotten;
  for (const auto& path : told_open_) {
    const auto named = std::lower_bound(made.changes.begin(), made.changes.end(), path,
                                        [](const auto& change, const auto& p) { return change.path < p; });
    const bool known = pending_.contains(path) || (named != made.changes.end() && named->path == path);
    if (!known) forgotten.push_back({path, change_kind::written, now});
  }
  if (forgotten.empty()) return;
  if (made.changes.empty()) made.noticed = now;
  made.changes.insert(made.changes.end(), forgotten.begin(), forgotten.end());
  std::sort(made.changes.begin(), made.changes.end(),
            [](const auto& a, const auto& b) { return a.path < b.path; });
}

void revision_builder::close_before_repeat(std::string_view path, time_point t, steps& out) {
  const auto found = pending_.find(path);
  if (found == pending_.end() || found->second.at != phase::ready || found->second.due > t) return;
  if (holders_.empty() && waits_until() <= t && !comes_together(t)) close_ready(t, false, out);
}

/// Resets what belongs to the revision that was waiting, where nothing of it is left.
void revision_builder::after_close(time_point now, bool quiet) {
  if (quiet && asked_ + rescans_asked_ == 0) storm_ = false;
  if (settle_until_ <= now) settle_until_ = {};
  if (pending_.size() > open_ || !rescans_.empty()) return;
  since_.reset();
  lock_seen_ = lock_counts();
}

void revision_builder::answer_cookies(steps& out) {
  if (cookies_.empty()) return;
  auto first = next_order_;
  for (const auto& [path, e] : pending_)
    if (e.at != phase::open) first = std::min(first, e.order);
  for (const auto& [folder, f] : rescans_) first = std::min(first, f.order);
  while (!cookies_.empty() && cookies_.front().order < first) {
    out.push_back(revision_command::caught_up{std::move(cookies_.front().name)});
    cookies_.pop_front();
  }
}

std::optional<time_point> revision_builder::next_due(time_point now) const {
  std::optional<time_point> next;
  // What may join already waits for something else: an answer, or what happened under the same hold.
  const bool together = comes_together(now);
  if (together && since_) next = *since_ + options_.watch.max_delay;
  for (const auto& [path, e] : pending_)
    if (e.at != phase::asked && !(together && e.due <= now)) next = earlier(next, e.due);
  for (const auto& [folder, f] : rescans_)
    if (!f.asked) next = earlier(next, f.due);
  if (asked_ + rescans_asked_ != 0 && since_) {
    // Whatever is ready waits for the answers, but not longer than this.
    next = *since_ + options_.watch.max_delay;
  }
  return next;
}

void revision_builder::arm(std::optional<time_point> when, steps& out) {
  if (!when || armed_ == when) return;
  armed_ = when;
  out.push_back(revision_command::wake_at{*when});
}

}  // namespace graphite
