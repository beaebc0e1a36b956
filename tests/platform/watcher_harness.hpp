#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "platform/linux/inotify_watcher.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {

/// "+created", "~modified or writing", "=closed", "-deleted", "new<old" (moved), "folder/", "!" (overflow).
inline std::string to_text(const fs_event& e) {
  switch (e.kind) {
    case fs_event_kind::created:
      return "+" + e.path;
    case fs_event_kind::modified:
    case fs_event_kind::writing:
      return "~" + e.path;
    case fs_event_kind::closed:
      return "=" + e.path;
    case fs_event_kind::deleted:
      return "-" + e.path;
    case fs_event_kind::moved:
      return e.path + "<" + e.old_path;
    case fs_event_kind::overflow:
      return "!";
    case fs_event_kind::folder:
      return e.path + "/";
    case fs_event_kind::cookie:
      return "cookie";
  }
  return "?";
}

/// A watcher of FOLDER/root with its state elsewhere, and all it reported.
struct watcher_harness {
  explicit watcher_harness(const std::filesystem::path& base = std::filesystem::temp_directory_path())
      : folder(base) {
    folder.make_folder("root");
    options.root = folder / "root";
    options.cookie_folder = folder / "state/cookies";
  }
  ~watcher_harness() {
    if (watcher) watcher->stop();
  }

  void start(std::function<void(const std::vector<fs_event>&)> also = {}) {
    watcher = std::make_unique<inotify_watcher>(options);
    const auto started = watcher->start([this, also](std::vector<fs_event> events) {
      if (also) also(events);
      const std::lock_guard lock(mutex);
      reported.insert(reported.end(), events.begin(), events.end());
      changed.notify_all();
    });
    ASSERT_TRUE(started) << started.error().context;
  }

  bool wait_for(const std::function<bool(const std::vector<fs_event>&)>& condition) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(60), [&] { return condition(reported); });
  }

  /// Waits until all that was written before is reported; returns and forgets it, cookie left out.
  std::vector<fs_event> take() {
    const auto cookie = watcher->write_cookie();
    EXPECT_TRUE(cookie) << cookie.error().context;
    if (!cookie) return {};
    const auto is_it = [&](const fs_event& e) {
      return e.kind == fs_event_kind::cookie && e.path == *cookie;
    };
    EXPECT_TRUE(wait_for([&](const auto& all) { return std::any_of(all.begin(), all.end(), is_it); }));
    const std::lock_guard lock(mutex);
    std::vector<fs_event> out;
    out.swap(reported);
    std::erase_if(out, [](const fs_event& e) { return e.kind == fs_event_kind::cookie; });
    return out;
  }
  /// Repetitions left out: whether two writes are one event depends on who is quicker.
  std::vector<std::string> take_text() {
    std::vector<std::string> out;
    for (const auto& e : take()) out.push_back(to_text(e));
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
  }

  test::temporary_folder folder;
  inotify_watcher_options options;
  std::unique_ptr<inotify_watcher> watcher;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<fs_event> reported;
};

}  // namespace graphite
