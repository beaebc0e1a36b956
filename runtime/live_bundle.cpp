#include "runtime/live_bundle.hpp"

#include <utility>

namespace graphite {

std::pair<shown_ref, shown_ref> live_bundle::bases() const {
  return {moving_ ? delivery_->now : current_, told_};
}

result<live_plan> live_bundle::plan(shown_ref next, std::pair<shown_ref, shown_ref> bases,
                                    known_changes known, std::pmr::memory_resource* memory) {
  const auto since = [&](const shown_ref& before) -> result<change_set> {
    if (!before) return change_set(memory);
    if (before->content().get() == known.since) {
      change_set copy(memory);  // in this memory, whatever that of `known` is
      copy = *known.changes;
      return copy;
    }
    return changes_between(*before->content(), *next->content(), memory);
  };
  live_plan out{next, bases.first, bases.second, change_set(memory), change_set(memory)};
  GRAPHITE_TRY(out.since_shown, since(bases.first));
  if (bases.first == bases.second) {
    out.since_told = out.since_shown;  // an assignment: stays in its memory
  } else {
    GRAPHITE_TRY(out.since_told, since(bases.second));
  }
  return out;
}

bool live_bundle::acceptable(const generation& next) const {
  if (!newest_) return true;
  if (newest_->what().channel != next.what().channel) return false;
  if (newest_->what().lineage != next.what().lineage) return true;
  return next.what().newer_than(newest_->what());
}

live_bundle::carried live_bundle::carry_out(live_plan plan, time_point now) {
  if (std::pair(plan.shown, plan.told) != bases()) return carried::again;
  if (!plan.going_back) {
    if (!acceptable(*plan.next->content())) return carried::refused;
    newest_ = plan.next->content();
  }
  if (current_ && (options_.swap_in_poll || !options_.atomic)) {
    staged_ = std::move(plan);
    return carried::staged;
  }
  show(plan.next, plan.since_shown, now);
  pending_ = untold{plan.next, point_.version(), std::move(plan.since_told)};
  return carried::shown;
}

void live_bundle::show(const shown_ref& next, const change_set& since_shown, time_point now) {
  current_ = next;
  const auto version = point_.replace(next.owner(), now);
  on_visible_(since_shown, version);
  for (std::size_t i = 0; i < kept_.size(); ++i)
    if (kept_[i].shown == next) {  // gone back to: the later ones stay
      position_ = i;
      return;
    }
  if (!kept_.empty()) kept_.resize(position_ + 1);  // what was gone back from is not to be met again
  kept_.push_back({next, version});
  while (kept_.size() > options_.kept) kept_.pop_front();
  position_ = kept_.size() - 1;
}

std::optional<live_event> live_bundle::next(time_point now) {
  while (true) {
    if (!delivery_ && !pending_ && !staged_) return std::nullopt;
    if (!delivery_) begin_delivery(now);
    auto& from = *delivery_;
    if (!std::exchange(from.generation_told, true))
      return live_event{live_event::kind::generation,
                        0,
                        from.old.get(),
                        from.now.get(),
                        from.old_version,
                        from.new_version,
                        &from.changes};
    if (from.told < from.changes.size()) return asset_event(from);
    end_delivery(now);
  }
}

void live_bundle::begin_delivery(time_point now) {
  telling next;
  next.old = told_;
  next.old_version = told_version_;
  if (staged_) {
    auto plan = std::move(*staged_);
    staged_.reset();
    if (!options_.atomic && plan.since_shown.size() > 0) {
      moving_ = shown_ref::make(plan.next->content(),
                                std::make_unique<asset_transition>(current_->content(), plan.since_shown));
      point_.replace(moving_.owner(), now);
    } else {
      show(plan.next, plan.since_shown, now);
    }
    next.now = plan.next;
    next.changes = std::move(plan.since_told);
  } else {
    next.now = pending_->now;
    next.changes = std::move(pending_->changes);
  }
  pending_.reset();
  next.new_version = point_.version();
  told_ = next.now;
  told_version_ = next.new_version;
  delivery_ = std::move(next);
}

live_event live_bundle::asset_event(telling& from) {
  const auto& [added, changed, removed] =
      std::tie(from.changes.added, from.changes.changed, from.changes.removed);
  auto at = from.told++;
  live_event out{live_event::kind::added,
                 0,
                 from.old.get(),
                 from.now.get(),
                 from.old_version,
                 from.new_version,
                 &from.changes};
  if (at < added.size()) {
    out.id = added[at];
  } else if (at -= added.size(); at < changed.size()) {
    out.what = live_event::kind::changed;
    out.id = changed[at];
  } else {
    out.what = live_event::kind::removed;
    out.id = removed[at - changed.size()];
  }
  if (!moving_) return out;
  moving_->transition()->move({out.id});
  change_set one;
  (out.what == live_event::kind::added     ? one.added
   : out.what == live_event::kind::changed ? one.changed
                                           : one.removed)
      .push_back(out.id);
  on_visible_(one, from.new_version);
  return out;
}

void live_bundle::end_delivery(time_point now) {
  if (moving_) {
    moving_ = {};
    show(delivery_->now, change_set(), now);
    told_version_ = point_.version();
  }
  delivery_.reset();
}

std::size_t live_bundle::events_left() const {
  std::size_t out = 0;
  if (delivery_) out += delivery_->changes.size() - delivery_->told;
  if (pending_) out += pending_->changes.size();
  if (staged_) out += staged_->since_told.size();
  return out;
}

shown_ref live_bundle::kept_before(std::size_t steps) const {
  return steps <= position_ && !kept_.empty() ? kept_[position_ - steps].shown : shown_ref();
}

shown_ref live_bundle::newest_passed_over() const {
  if (!newest_ || !current_ || current_->content() == newest_) return {};
  for (const auto& one : kept_)
    if (one.shown->content() == newest_) return one.shown;
  return shown_ref::make(newest_);
}

}  // namespace graphite
