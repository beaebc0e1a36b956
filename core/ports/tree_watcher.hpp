#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/logical_path.hpp"
#include "core/units.hpp"

namespace graphite {

enum class fs_event_kind {
  created,
  modified,  ///< attributes or, as far as can be told, bytes changed; a writer may still have it open
  writing,   ///< bytes were written or cut off; usually `closed` follows
  closed,    ///< a writer closed it: act at once
  deleted,
  moved,     ///< arrived by rename, from `old_path` where that was inside: act at once
  overflow,  ///< events were lost: rescan all (path empty)
  folder,    ///< a folder vanished, moved away or must be looked at again: rescan below `path`
  cookie,    ///< a sync cookie (`path` is its name) was seen: all earlier writes have been reported
};

struct fs_event {
  fs_event_kind kind = fs_event_kind::modified;
  std::string path;      ///< relative to the root, as the file system names it (may not be UTF-8)
  std::string old_path;  ///< moved: where it was, empty if outside
  time_point when{};     ///< when it was read from the kernel
};

/// How changes below a root are learned.
enum class watch_mode { events, polling };

struct watch_status {
  watch_mode mode = watch_mode::events;
  std::string reason;  ///< why polling, for people
  std::size_t folders = 0;
};

/// Watches one root. Calls back from its own thread with batches, in order; the callback must be quick.
class tree_watcher {
 public:
  using callback = std::function<void(std::vector<fs_event> events)>;
  virtual ~tree_watcher() = default;

  /// Returns once every existing folder is watched. Errors: not_found, permission_denied, io.
  virtual result<void> start(callback on_events) = 0;
  virtual void stop() = 0;
  virtual watch_status status() const = 0;
  /// Touches a cookie file; a `cookie` event with the returned name follows after all earlier writes.
  virtual result<std::string> write_cookie() = 0;
};

}  // namespace graphite
