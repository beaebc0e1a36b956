#include "runtime/event_buffer.hpp"

#include <utility>

namespace graphite {

void event_queue::note(fs_event event) {
  switch (event.kind) {
    case fs_event_kind::writing:
    case fs_event_kind::cookie:
      return;
    case fs_event_kind::overflow:
      return lose(event.when);
    case fs_event_kind::closed:
      event.kind = fs_event_kind::modified;
      break;
    default:
      break;
  }
  if (events_.size() >= events_max_) return lose(event.when);
  events_.push_back(std::move(event));
}

void event_queue::lose(time_point when) noexcept {
  events_.clear();
  lost_ = when;
}

std::optional<fs_event> event_queue::take(time_point) {
  if (const auto lost = std::exchange(lost_, {})) return fs_event{fs_event_kind::overflow, {}, {}, *lost};
  if (events_.empty()) return {};
  auto out = std::move(events_.front());
  events_.pop_front();
  return out;
}

std::optional<time_point> event_queue::next() const {
  if (lost_ || !events_.empty()) return time_point::min();
  return {};
}

std::optional<fs_event> without_ignored(fs_event event, const ignore_rules& ignored) {
  if (event.kind == fs_event_kind::overflow || ignored.empty()) return event;
  const bool folder = event.kind == fs_event_kind::folder;
  const bool from_ignored = !event.old_path.empty() && ignored.ignored(event.old_path, folder);
  if (!ignored.ignored(event.path, folder)) {
    if (from_ignored) event.old_path.clear();
    return event;
  }
  if (event.old_path.empty() || from_ignored) return {};
  return fs_event{fs_event_kind::deleted, std::move(event.old_path), {}, event.when};
}

}  // namespace graphite
