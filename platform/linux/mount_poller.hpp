#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/ports/tree_watcher.hpp"
#include "platform/linux/inotify_watcher.hpp"
#include "platform/linux/tree_poller.hpp"

namespace graphite {

/// Polls the parts of a watched tree that lie on network file systems, on a thread of its own: a slow server
/// keeps back nothing but its own changes. Thread-safe.
class mount_poller {
 public:
  /// `on_events` is called from the thread; both outlive the object.
  mount_poller(const inotify_watcher_options& options, const tree_watcher::callback& on_events)
      : options_(options), on_events_(on_events) {}
  ~mount_poller() { stop(); }

  /// These folders from now on. A new one is reported as `folder` once it is remembered.
  void set(const std::set<std::string>& folders);
  bool idle() const { return !thread_.joinable(); }
  /// Passes `cookies` on after one look at all folders.
  void answer(std::vector<fs_event> cookies);
  /// Waits for the thread.
  void stop();

 private:
  using events = std::vector<fs_event>;
  void run();
  void look(events& out);
  void follow(const std::set<std::string>& wanted, events& out);

  const inotify_watcher_options& options_;
  const tree_watcher::callback& on_events_;
  std::map<std::string, std::unique_ptr<tree_poller>> pollers_;  ///< the thread's
  std::thread thread_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string> wanted_;
  events cookies_;
  bool stopping_ = false, news_ = false;
};

}  // namespace graphite
