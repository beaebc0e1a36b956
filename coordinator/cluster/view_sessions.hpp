#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "coordinator/cluster/dispatch_types.hpp"
#include "core/messages/views.hpp"

namespace graphite {

struct view_sessions_options {
  epoch_number epoch;
  std::size_t views_max = 1'024;  ///< fed at once: `busy`
};

/// A view and who feeds it.
struct view_feeding {
  std::string view, project_file;
  std::string watcher;  ///< its name, as its key proved
  bool operator==(const view_feeding&) const = default;
};

namespace view_commands {

struct send {
  link_id link;
  view_to_watcher what;
};
/// A last word; of the link nothing is heard any more.
struct hang_up {
  link_id link;
  error why;
};
/// Somebody wants to feed a view: say opened().
struct open {
  link_id link;
  view_feeding what;
};
/// He does no more. Of each `open` that was answered well.
struct close {
  link_id link;
};
/// The view's next state: say judged(), once with `accepted`, `refused` or `missing`, then with `published`
/// whenever it is.
struct revise {
  link_id link;
  view_feeding what;
  views::revised revision;
};

}  // namespace view_commands

using view_command = std::variant<view_commands::send, view_commands::hang_up, view_commands::open,
                                  view_commands::close, view_commands::revise>;
using view_command_list = std::vector<view_command>;

/// A coordinator's side of the control sessions of watchers.
///
/// Pure: events in, commands out; one thread. What one call commands is done, in order, before the next call.
/// Invariants: a view has one feeder; of each at most one revision waits to be judged, and their numbers
/// ascend; who does not keep to that is hung up on. O(log sessions) a call.
class view_sessions {
 public:
  explicit view_sessions(view_sessions_options options) : options_(options) {}

  void connected(link_id link, std::string watcher);
  view_command_list disconnected(link_id link);
  view_command_list received(link_id link, const view_to_coordinator& message);
  /// Where the stores are from now on; told to all.
  view_command_list set_stores(views::settings now);

  /// Answers `open`, also of a link that is gone by now: what was taken of the view last (zero: nothing), or
  /// why it cannot be fed.
  view_command_list opened(link_id link, const result<content_ref>& taken);
  view_command_list judged(link_id link, views::verdict what);

  std::size_t feeding() const { return by_view_.size(); }

 private:
  enum class stage { fresh, opening, open };
  struct session {
    stage at = stage::fresh;
    view_feeding what;
    std::uint64_t last = 0;  ///< revision
    bool waits = false;      ///< for its verdict
  };

  result<void> join(link_id link, session& of, const views::join& message, view_command_list& out);
  result<void> revise(link_id link, session& of, const views::revised& message, view_command_list& out);
  void drop(link_id link, view_command_list& out);
  void hang_up(link_id link, error why, view_command_list& out);

  view_sessions_options options_;
  std::map<link_id, session> sessions_;
  std::map<std::string, link_id> by_view_;  ///< opening and open ones
  views::settings stores_;
};

}  // namespace graphite
