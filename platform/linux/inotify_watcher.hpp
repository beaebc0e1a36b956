#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports/tree_watcher.hpp"
#include "core/units.hpp"

namespace graphite {

struct inotify_watcher_options {
  std::string root;  ///< absolute; must exist at start()
  /// Absolute, usually STATE/cookies; made where missing. Empty: write_cookie() says unsupported, and nothing
  /// is ever written to a disk.
  std::string cookie_folder;
  bool recursive = true;
  /// Folders (relative) that are neither watched nor reported. Called from start()'s and the watcher's
  /// thread; what it answers may change: then call refresh(). Empty: nothing is pruned.
  std::function<bool(std::string_view folder)> prune;
  /// Files that are reported although their folder is pruned.
  std::vector<std::string> lone_files{".git/index.lock"};
  milliseconds poll{1'000};    ///< polling mode; also how often the root is looked for
  bool force_polling = false;  ///< for mounts whose type does not tell
  /// The statfs type of an open folder; empty: what the system says. For tests.
  std::function<long(int folder)> type_of;
  std::size_t watches_max = 0;  ///< more folders than this are polled; 0: what the system allows
};

/// Watches a tree by inotify: one thread, one instance, one watch a folder.
///
/// What to expect beyond the port:
/// - A new folder is watched first, then searched: each file in it comes as `created` (as `moved`, with
///   its old path, where the folder was renamed inside the tree). A folder that vanished, moved away or
///   was refreshed comes as `folder`: what was known below it must be looked at again.
/// - Kinds are hints, paths are the truth: a rename whose halves were read apart is `deleted`, then
///   `moved`; a link is reported by its own name only (see followed_link for its target).
/// - Queue overflow: all watches are verified, then comes one `overflow`, then every outstanding cookie.
/// - A root that vanished is waited for; once it is back, `overflow`. Its files are not reported deleted.
/// - lone_files that exist at start() are reported as `created`.
/// - On a network file system, or when instances or watches run out, the tree is polled: differences come
///   as `created`, `modified` and `deleted`; status() says why. A cookie then makes one full pass.
/// - Network file systems that are mounted below the root are polled by themselves, see mount_poller; a
///   cookie then comes after a pass over them. One that is mounted later is noticed when its folder is
///   looked at again.
class inotify_watcher final : public tree_watcher {
 public:
  explicit inotify_watcher(inotify_watcher_options options);
  ~inotify_watcher() override;  ///< stops
  inotify_watcher(const inotify_watcher&) = delete;
  inotify_watcher& operator=(const inotify_watcher&) = delete;

  result<void> start(callback on_events) override;
  /// Waits for the thread; no callback runs afterwards. Not from the callback.
  void stop() override;
  watch_status status() const override;
  result<std::string> write_cookie() override;

  /// The prune predicate's answers below `folder` changed: watches follow, then `folder` is reported.
  void refresh(std::string folder);

  /// Test hooks: between them the thread reads nothing, so that the kernel's queue fills.
  void pause_reading();
  void resume_reading();

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace graphite
