#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/messages/views.hpp"

namespace graphite {

struct view_feed_options {
  views::join self;  ///< `epoch_seen` is the feed's own
  /// After an upload that failed, or contents that were not there all the same; doubled, up to again_max.
  duration again_after = milliseconds(250), again_max = seconds(30);
};

/// A state of the view, by the number of the revision that led to it.
struct view_state {
  std::uint64_t revision = 0;  ///< 0: there is none
  content_ref snapshot;
  bool operator==(const view_state&) const = default;
};

namespace feed_commands {

struct send {
  view_to_coordinator what;
};
/// See to it that all of the view, as it is now, is in the stores; answered by exactly one brought().
struct bring {
  bool thorough = false;  ///< what was brought before may be there no more: ask for all of it
};
/// The coordinator has taken this very state: all of it is in the stores.
struct skip {
  view_state what;
};
/// What the stores and copies are from now on.
struct settle {
  views::settings now;
};
/// End the session; dial again, but where `final` says that it would end the same way.
struct hang_up {
  error why;
  bool final = false;
};
/// For people.
struct tell {
  enum class what { connected, away, in_stores, accepted, published, refused, missing, upload_failed } kind;
  std::uint64_t revision = 0;
  std::string text = {};  ///< why, or which generation
  errc code = errc::invalid_argument;
  bool operator==(const tell&) const = default;
};

}  // namespace feed_commands

using feed_command = std::variant<feed_commands::send, feed_commands::bring, feed_commands::skip,
                                  feed_commands::settle, feed_commands::hang_up, feed_commands::tell>;
using feed_command_list = std::vector<feed_command>;

/// A watcher's side of its control sessions: brings the newest state of its view to the stores, then says it.
///
/// Pure: events in, commands out, time as an argument; one thread. What one call commands is done, in order,
/// before the next call. Only the newest state counts: what closes while one is being brought, or waits for
/// an answer, is the next. Invariants: nothing is said that was not brought; one state is being brought at a
/// time, one waits for an answer at a time; what the coordinator has is not said again; after anything has
/// broken the newest state is accepted or refused in the end.
class view_feed {
 public:
  explicit view_feed(view_feed_options options) : options_(std::move(options)) {}

  /// A revision closed: the view is so now.
  feed_command_list closed(const view_state& now, time_point at);
  /// Both sides have proved who they are.
  feed_command_list connected(time_point at);
  feed_command_list disconnected(const std::string& why);
  feed_command_list received(const view_to_watcher& message, time_point at);
  /// All of this state is in the stores, or why not.
  feed_command_list brought(const result<view_state>& what, time_point at);
  /// At least each tenth of a second.
  feed_command_list tick(time_point at);

  /// It has accepted or refused the newest state, and nothing is under way.
  bool at_rest() const;

 private:
  enum class session { none, joining, open };

  void welcomed(const views::welcome& first, feed_command_list& out);
  void judged(const views::verdict& what, time_point at, feed_command_list& out);
  void end(errc code, std::string why, bool final, feed_command_list& out);
  void go_on(time_point at, feed_command_list& out);
  void wait_longer(time_point at);

  view_feed_options options_;
  session session_ = session::none;
  epoch_number epoch_seen_;
  bool has_stores_ = false;
  bool bringing_ = false;
  bool thorough_ = false;  ///< the next time all is asked for
  view_state newest_, brought_;
  std::optional<view_state> said_;      ///< without an answer yet
  std::optional<content_ref> taken_;    ///< that the coordinator has
  std::optional<content_ref> refused_;  ///< that it will not have
  duration pause_{};
  std::optional<time_point> not_before_;  ///< for the next upload
};

}  // namespace graphite
