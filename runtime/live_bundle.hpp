#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "runtime/change_set.hpp"
#include "runtime/pins.hpp"
#include "runtime/shown_generation.hpp"

namespace graphite {

struct live_options {
  bool atomic = true;         ///< false: assets move one by one as they are told
  bool swap_in_poll = false;  ///< a staged generation becomes current when it is told
  std::size_t kept = 2;       ///< generations for rollback(), the current one included
};

/// A generation that is to become current, with what differs from those that count: made by
/// live_bundle::plan() without the lock, and valid until they change.
struct live_plan {
  shown_ref next;
  shown_ref shown, told;  ///< what it was made against
  change_set since_shown, since_told;
  bool going_back = false;  ///< a rollback, or its end
};

/// One thing to call back for. Points into the live_bundle: valid until its next call of next().
struct live_event {
  enum class kind : std::uint8_t { generation, added, changed, removed };
  kind what = kind::generation;
  std::uint64_t id = 0;                   ///< of the asset
  const shown_generation* old = nullptr;  ///< null: there was none
  const shown_generation* now = nullptr;
  std::uint64_t old_version = 0, new_version = 0;
  const change_set* changes = nullptr;
};

/// Which generation is current, which come next and before, and what of it was told: the decisions behind a
/// program that follows a bundle.
///
/// Has no clock, thread or lock: whoever calls it does so one at a time, but for plan(). Invariants: what is
/// told starts from what was told last, however many swaps came in between, so that the lists are exact and
/// their number is bounded by two generations; of a lineage a newer generation never makes way for an older
/// one unless by rollback().
class live_bundle {
 public:
  struct kept_generation {
    shown_ref shown;
    std::uint64_t version = 0;
  };

  /// Told, before next() or carry_out() returns, of what readers see differently from now on.
  using visible_observer = std::function<void(const change_set& changes, std::uint64_t version)>;

  /// `point` outlives it; nobody else replaces in it.
  live_bundle(live_options options, pin_point& point, visible_observer on_visible)
      : options_(options), point_(point), on_visible_(std::move(on_visible)) {}

  // ---- from staged to current

  /// What a plan is made against: what will be shown when the plan is carried out, and what will be told.
  std::pair<shown_ref, shown_ref> bases() const;
  /// What differs from one generation, where it is known already.
  struct known_changes {
    const generation* since = nullptr;
    const change_set* changes = nullptr;
  };
  /// Thread-safe, without the lock. O(what differs). The first generation has no changes.
  /// Errors: corrupt, not_found, io.
  static result<live_plan> plan(shown_ref next, std::pair<shown_ref, shown_ref> bases, known_changes known,
                                std::pmr::memory_resource* memory);
  enum class carried : std::uint8_t {
    shown,    ///< is current
    staged,   ///< becomes so by next()
    again,    ///< the bases have changed: plan anew
    refused,  ///< not newer than the newest one of its lineage that was seen, or of another channel
  };
  carried carry_out(live_plan plan, time_point now);

  // ---- telling; by the thread that polls

  /// What to call back for next, which is then taken as told. With swap_in_poll or without `atomic` this is
  /// where a generation or an asset becomes current. Nothing: all is told.
  std::optional<live_event> next(time_point now);
  /// Asset events that next() has left, and whether it has anything.
  std::size_t events_left() const;
  bool has_news() const { return delivery_ || pending_ || staged_; }

  // ---- going back

  /// What was current `steps` before. Null: not kept.
  shown_ref kept_before(std::size_t steps) const;
  /// The newest generation, where it is not the current one.
  shown_ref newest_passed_over() const;
  const shown_ref& current() const { return current_; }
  std::uint64_t version() const { return point_.version(); }
  const std::deque<kept_generation>& kept() const { return kept_; }
  /// The newest that was offered, shown or not.
  const std::shared_ptr<const generation>& newest() const { return newest_; }
  bool staged() const { return staged_.has_value(); }

 private:
  struct telling {
    shown_ref old, now;
    std::uint64_t old_version = 0, new_version = 0;
    change_set changes;
    std::size_t told = 0;
    bool generation_told = false;
  };

  bool acceptable(const generation& next) const;
  void show(const shown_ref& next, const change_set& since_shown, time_point now);
  void begin_delivery(time_point now);
  live_event asset_event(telling& from);
  void end_delivery(time_point now);

  const live_options options_;
  pin_point& point_;
  const visible_observer on_visible_;
  shown_ref current_;  ///< the whole generation, not a transition
  std::shared_ptr<const generation> newest_;
  std::deque<kept_generation> kept_;  ///< as they became current, the oldest first; current_ is at position_
  std::size_t position_ = 0;

  shown_ref told_;  ///< what the next delivery starts from
  std::uint64_t told_version_ = 0;
  std::optional<live_plan> staged_;
  struct untold {
    shown_ref now;
    std::uint64_t version = 0;
    change_set changes;
  };
  std::optional<untold> pending_;    ///< current, and to be told
  std::optional<telling> delivery_;  ///< being told
  shown_ref moving_;                 ///< the transition that is published
};

}  // namespace graphite
