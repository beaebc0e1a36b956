#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "coordinator/source_filter.hpp"
#include "core/ports/tree_watcher.hpp"
#include "core/project.hpp"
#include "core/units.hpp"

namespace graphite {

/// What the events say of a path. A hint: whoever reads the revision decides by what is on disk then.
enum class change_kind : std::uint8_t { written, removed };

struct noticed_change {
  std::string path;  ///< as the file system names it
  change_kind kind = change_kind::written;
  time_point noticed{};  ///< first event since the path was last in a revision
  bool operator==(const noticed_change&) const = default;
};

/// One difference that a rescan found.
struct rescan_change {
  std::string path;
  change_kind kind = change_kind::written;
  bool recent = false;  ///< its signature is not trusted yet: somebody may be writing
};

namespace revision_command {

/// Call wake() at `when` or soon after. Replaces the previous wake_at; absent: none is needed.
struct wake_at {
  time_point when;
  bool operator==(const wake_at&) const = default;
};
/// A revision is closed: `changes` ascend by path, one entry a path, never empty.
struct close {
  std::vector<noticed_change> changes;
  time_point noticed{};                ///< the earliest of `changes`
  std::vector<std::string> open = {};  ///< all that somebody may still be writing to, ascending
  bool operator==(const close&) const = default;
};
/// Find out whether `path` is open for writing and call open_answer(), always.
struct ask_open {
  std::string path;
  bool operator==(const ask_open&) const = default;
};
/// Compare everything below `folder` (empty: the root) with what is known, ignore files first, and call
/// rescanned(), always, with an empty list where nothing differs or the root is away.
struct rescan {
  std::string folder;
  bool operator==(const rescan&) const = default;
};
/// All that was noticed before the cookie is in a closed revision, or is held back as open for writing.
struct caught_up {
  std::string cookie;
  bool operator==(const caught_up&) const = default;
};

}  // namespace revision_command

using revision_step =
    std::variant<revision_command::wake_at, revision_command::close, revision_command::ask_open,
                 revision_command::rescan, revision_command::caught_up>;

struct revision_options {
  watch_spec watch;
  /// What a path means; see source_filter.
  std::function<path_role(std::string_view path)> role_of;
  /// How long after its last finished change a path keeps the revision back (the settle of its rule).
  std::function<milliseconds(std::string_view path)> settle_of;
  /// Whether a source of this name is in the view, closed revisions included that are still being read.
  /// Wrongly true costs a revision that changes nothing; wrongly false can lose a deletion.
  std::function<bool(std::string_view path)> known;
  /// A file that was just born waits this long, for it may be an editor's scratch file on its way to
  /// being renamed over the real one; so does one that was found closed, for its event may follow.
  milliseconds newborn{5};
  std::size_t pending_max = 65'536;  ///< paths; beyond: forgotten in favour of one rescan of the root
  std::size_t holders_max = 64;
};

/// Turns events into revisions.
///
/// Pure: time is an argument and must not fall. One thread. The steps of a call are to be executed in
/// order, and all of them before the next call (answers included). Rules:
/// - `closed` and `moved` make a path ready at once, deletions after `debounce`. Deleted and written again
///   is one modification; born and deleted before it was in a revision is nothing at all.
/// - A rename of a known source inside the tree: both names wait for `debounce` and come together; where
///   the old name is written again meanwhile (a backup was made), that acts at once.
/// - `created` alone (a hard link, a file found in a new folder) is asked about at once, `modified` after
///   `debounce` of silence. A file that is open for writing waits for `closed` and is asked about again
///   every `max_delay`; a revision names it as open, so that what hangs
///   together with it can wait; others go on.
/// - The revision as a whole waits for: holders, and after them for all that happened under them; `settle_of`
///   of its paths; answers and rescans that are
///   under way; quiet, where there is a storm (> storm_files paths in storm_window) or the git lock
///   exists. All but holders for at most `max_delay`: then what is ready closes and the rest waits anew. A
///   lock during which nothing happens for that long is taken for stale.
/// - Overflow, vanished folders, changed ignore files and too many pending paths lead to `rescan`.
/// - `coalesce_events = false`: a further change of a ready path first closes what is ready.
///
/// Bound: pending_max paths and folders from events (what a rescan reports is bounded by the tree);
/// waiting cookies are bounded by the caller's queries.
class revision_builder {
 public:
  explicit revision_builder(revision_options options);
  /// For a project file that changed; pending paths stay.
  void set_options(revision_options options);

  /// Applies a batch in order, then says what to do. O(batch · log pending) while a storm blows.
  std::vector<revision_step> apply(std::span<const fs_event> events, time_point now);
  std::vector<revision_step> wake(time_point now);
  /// Answers `ask_open`.
  std::vector<revision_step> open_answer(std::string_view path, bool open, time_point now);
  /// Answers `rescan`, or reports an anti-entropy scan that nobody asked for. Differences count as having
  /// waited already, except recent ones, which are asked about.
  std::vector<revision_step> rescanned(std::string_view folder, std::span<const rescan_change> differences,
                                       time_point now);

  /// Keeps revisions from closing until release() or `timeout`; again by the same holder renews.
  /// False, and nothing held, where there are holders_max others.
  bool hold(std::uint64_t holder, duration timeout, time_point now);
  std::vector<revision_step> release(std::uint64_t holder, time_point now);

  struct status {
    std::size_t pending = 0, open_for_writing = 0, rescans = 0, holders = 0;
    bool storm = false, git_lock = false;
  };
  status state() const;
  /// What the newest revision named as open.
  const std::vector<std::string>& told_open() const { return told_open_; }

 private:
  enum class phase : std::uint8_t {
    ready,    ///< written; may join from `due` on
    removed,  ///< gone; may join from `due` on
    unsure,   ///< written to, no close seen: to be asked about from `due` on
    asked,    ///< waiting for open_answer()
    open      ///< a writer has it: to be asked about again from `due` on
  };
  struct entry {
    phase at = phase::unsure;
    bool born = false;     ///< was not there before and has not been in a revision
    bool renamed = false;  ///< waits together with the removal of the name it had
    time_point noticed{}, due{};
    std::uint64_t order = 0;  ///< of the first event
  };
  struct folder_entry {
    time_point due{};
    std::uint64_t order = 0;
    bool asked = false;
    bool again = false;  ///< changed while asked
  };
  struct waiting_cookie {
    std::string name;
    std::uint64_t order = 0;
  };
  struct seen_path {
    std::size_t hash = 0;
    time_point when{};
  };
  using steps = std::vector<revision_step>;
  using entries = std::map<std::string, entry, std::less<>>;

  void note(const fs_event& event, time_point t, steps& out);
  void note_lock(fs_event_kind kind, time_point t);
  void note_source(const fs_event& event, std::optional<time_point> renamed_due, time_point t);
  void note_written(entry& e, fs_event_kind kind, time_point t);
  void note_removed(std::string_view path, time_point t);
  std::optional<time_point> note_moved_away(const fs_event& event, time_point t);
  void note_folder(std::string_view folder, time_point due, time_point t);
  void note_difference(const rescan_change& difference, time_point now);
  entry& entry_for(std::string_view path, time_point t);
  void count_for_storm(std::string_view path, time_point t);
  void touch(time_point t);
  void set_phase(entry& e, phase to);
  entries::iterator erase(entries::iterator at);
  void degrade(time_point t);
  bool covered_by_root_rescan() const;

  void advance(time_point now, steps& out);
  bool lock_counts() const { return git_lock_ && !lock_stale_; }
  time_point waits_until() const;
  void end_of_hold(time_point now);
  bool comes_together(time_point now) const;
  void restart_waiting(time_point now);
  void issue(time_point now, bool calm, steps& out);
  void issue_rescans(time_point now, bool calm, steps& out);
  void close_ready(time_point now, bool calm, steps& out);
  void name_open(time_point now, revision_command::close& made);
  void close_before_repeat(std::string_view path, time_point t, steps& out);
  void after_close(time_point now, bool quiet);
  void answer_cookies(steps& out);
  void arm(std::optional<time_point> when, steps& out);
  std::optional<time_point> next_due(time_point now) const;

  revision_options options_;
  entries pending_;
  std::map<std::string, folder_entry, std::less<>> rescans_;
  std::deque<waiting_cookie> cookies_;
  std::map<std::uint64_t, time_point> holders_;
  std::vector<std::string> told_open_;  ///< by the last revision, ascending
  std::deque<seen_path> window_;        ///< distinct paths of the storm window, storm_files + 1 at most
  std::size_t asked_ = 0, open_ = 0, rescans_asked_ = 0;
  std::uint64_t next_order_ = 1;
  std::uint64_t together_below_ = 0;  ///< events before this one were under a hold: they make one revision
  time_point last_event_{}, settle_until_{};
  std::optional<time_point> since_;  ///< since when the revision has been waiting; absent: nothing to close
  std::optional<time_point> armed_;
  bool storm_ = false, git_lock_ = false, lock_stale_ = false, lock_seen_ = false;
};

}  // namespace graphite
