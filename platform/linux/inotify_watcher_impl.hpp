#pragma once

#include <unistd.h>

#include <mutex>
#include <set>
#include <thread>

#include "core/units.hpp"
#include "platform/linux/inotify_watcher.hpp"
#include "platform/linux/mount_poller.hpp"
#include "platform/linux/owned_fd.hpp"
#include "platform/linux/tree_poller.hpp"
#include "platform/linux/watched_tree.hpp"

/// \file Private to the watcher: inotify_watcher.cpp (thread, polling), inotify_events.cpp (what is read
/// becomes events), inotify_cookies.cpp.

namespace graphite {

/// Everything of a running watcher. The thread owns tree_ and poller_; `mutex_` guards what others touch.
class inotify_watcher::impl {
 public:
  explicit impl(inotify_watcher_options options)
      : options_(std::move(options)), poller_(options_), mounts_(options_, on_events_), buffer_(read_bytes) {}
  ~impl() { stop(); }

  result<void> start(callback on_events);
  void stop();
  watch_status status() const {
    const std::lock_guard lock(mutex_);
    return status_;
  }
  result<std::string> write_cookie();
  void refresh(std::string folder) {
    {
      const std::lock_guard lock(mutex_);
      refresh_.push_back(std::move(folder));
    }
    wake();
  }
  void pause(bool on) {
    {
      const std::lock_guard lock(mutex_);
      paused_ = on;
    }
    wake();
  }

 private:
  using events = std::vector<fs_event>;
  static constexpr std::size_t read_bytes = 256 * KiB;

  result<void> start_events(events& first);
  result<void> start_polling(std::string reason);
  std::string polling_reason() const;
  std::string exhausted_reason() const;
  result<void> touch_cookie(const std::string& name);
  result<void> watch_cookies();

  void run();
  void run_events();
  void run_polling();
  bool wait(int timeout_ms, bool& readable);
  bool stopping() const {
    const std::lock_guard lock(mutex_);
    return stopping_;
  }
  void read_batch(std::vector<raw_event>& batch);
  void handle(const std::vector<raw_event>& batch, events& out);
  void take_cookie(const raw_event& raw, events& out);
  void put_back_cookies(const events& out);
  int cookie_descriptor() const {
    const std::lock_guard lock(mutex_);
    return cookie_wd_;
  }
  void lost_events(events& out);
  void look_for_root(events& out);
  void refresh_folders(events& out);
  void deliver(events& out);
  void deliver_past_mounts(events& out);
  std::string mounts_reason() const;
  void note_status(std::string reason);
  void wake() {
    const std::uint64_t one = 1;
    if (wake_) [[maybe_unused]]
      const auto written = ::write(wake_.get(), &one, sizeof one);
  }

  const inotify_watcher_options options_;
  callback on_events_;
  owned_fd inotify_, wake_, epoll_;
  std::unique_ptr<watched_tree> tree_;
  tree_poller poller_;
  mount_poller mounts_;
  std::vector<char> buffer_;
  std::thread thread_;
  bool root_lost_ = false;

  mutable std::mutex mutex_;
  watch_status status_;
  std::set<std::string> cookies_;  ///< outstanding
  std::vector<std::string> refresh_;
  std::uint64_t next_cookie_ = 1;
  int cookie_wd_ = -1;
  bool stopping_ = false, paused_ = false;
};

}  // namespace graphite
