#pragma once

#include <deque>
#include <optional>

#include "core/glob.hpp"
#include "core/ports/tree_watcher.hpp"

namespace graphite {

/// Where events of a watched tree wait until somebody is told.
///
/// Told are `created`, `modified`, `deleted`, `moved`, `folder` and `overflow`. Pure: the time of an event is
/// its `when`, which may go back a little from one to the next. One thread at a time. Bounded: rather than
/// hold more than it may, it forgets all and tells one `overflow`.
class event_buffer {
 public:
  virtual ~event_buffer() = default;
  /// Takes an event in.
  virtual void note(fs_event event) = 0;
  /// Events were lost: one `overflow` takes the place of all that is held. Allocates nothing.
  virtual void lose(time_point when) noexcept = 0;
  /// The next event that is to be told by `now`. The call says as well that the one before it was told.
  virtual std::optional<fs_event> take(time_point now) = 0;
  /// From when on take() has something; absent: not before the next note().
  virtual std::optional<time_point> next() const = 0;
};

/// Tells each event at once and in order, but for `writing`, whose `closed` follows.
class event_queue final : public event_buffer {
 public:
  explicit event_queue(std::size_t events_max) : events_max_(events_max) {}
  void note(fs_event event) override;
  void lose(time_point when) noexcept override;
  std::optional<fs_event> take(time_point now) override;
  std::optional<time_point> next() const override;

 private:
  const std::size_t events_max_;
  std::optional<time_point> lost_;  ///< before all of events_
  std::deque<fs_event> events_;
};

/// What is left of an event for somebody who does not want to hear of what `ignored` names: a move into it
/// is `deleted`, one out of it comes from elsewhere.
std::optional<fs_event> without_ignored(fs_event event, const ignore_rules& ignored);

}  // namespace graphite
