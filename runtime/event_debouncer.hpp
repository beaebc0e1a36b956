#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/units.hpp"
#include "runtime/event_buffer.hpp"
#include "runtime/net_changes.hpp"

namespace graphite {

struct debounce_options {
  duration quiet{};               ///< a path is told when nothing happened to it for so long
  duration max_delay{};           ///< but at the latest so long after its first event; 0: no limit
  bool coalesce = true;           ///< told is what the events of a path come to; else each of them
  std::size_t held_max = 65'536;  ///< paths, and events where each is told
};

/// Holds events back until their paths are quiet.
///
/// - Paths are told in the order in which they became quiet. Paths that a move joins are told together, in
///   the order of their events; one that was created here and moved on joins nothing, where it is coalesced.
/// - `writing` is an event like others, so that a file is not told while it is written; where each event is
///   told, it is one with what follows it on the path.
/// - `overflow` is told `quiet` after the first loss. Whatever happens till then is part of it.
/// - Who is told `folder` or `overflow` looks at what is there: a path that may have been seen then is told
///   as deleted even if it was created while it was held.
///
/// Bound: held_max, then `overflow`. O(log held) an event; a move also the smaller of the two sets it joins.
class event_debouncer final : public event_buffer {
 public:
  explicit event_debouncer(debounce_options options) : options_(options) {}

  void note(fs_event event) override;
  void lose(time_point when) noexcept override;
  std::optional<fs_event> take(time_point now) override;
  std::optional<time_point> next() const override;
  /// Paths, and events where each is told; for tests of the bound.
  std::size_t held() const { return std::max(names_.size(), each_); }

 private:
  struct numbered {
    std::uint64_t order = 0;
    fs_event event;
  };
  using due = std::pair<time_point, std::uint64_t>;  ///< when, and the number of the last event
  /// Paths that are told together.
  struct group {
    std::set<std::string> names;
    net_changes net;
    std::vector<numbered> each;  ///< ascending; of folders also where files are coalesced
    time_point first{}, last{};
    due at{};
  };
  struct look {
    std::string folder;
    time_point until{};
  };

  void note_coalesced(fs_event event);
  void note_each(fs_event event);
  void note_folder(fs_event event);
  void add_to_each(group& to, fs_event event);
  group* find(std::string_view name) const;
  group& group_of(const std::string& name, time_point when);
  group& join(group& a, group& b);
  void settle_name(group& in, const std::string& name);
  void happened(group& to, time_point when);
  void drop_if_empty(group& what);
  time_point due_of(time_point first, time_point last) const;
  void tell(group& what);
  std::optional<fs_event> told(fs_event event, time_point now);
  void mark_seen(const std::string& folder);
  bool may_have_seen(std::string_view path, time_point when) const;

  const debounce_options options_;
  std::map<due, std::unique_ptr<group>> groups_;
  std::map<std::string, group*, std::less<>> names_;  ///< a folder's ends with `/`
  std::size_t each_ = 0;                              ///< events in `each` of all groups
  std::uint64_t next_order_ = 1;
  std::optional<time_point> lost_;
  std::deque<fs_event> telling_;  ///< of a group that was due
  std::vector<look> looks_;       ///< of whoever was told, short ago
  bool looking_ = false;          ///< the last of them goes on
};

}  // namespace graphite
