#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include "bindings/c/internal.hpp"
#include "core/glob.hpp"
#include "platform/linux/inotify_watcher.hpp"
#include "platform/linux/thread_name.hpp"
#include "runtime/event_debouncer.hpp"

using namespace graphite;
using namespace graphite::c_api;

// Watching for C: what the system reports waits in a buffer, and a thread tells it when the buffer says so.

namespace {

constexpr std::size_t held_max = 65'536;
constexpr std::size_t patterns_max = 4'096;

graphite_fs_event_type type_of(fs_event_kind kind) {
  switch (kind) {
    case fs_event_kind::created:
      return GRAPHITE_FS_CREATED;
    case fs_event_kind::deleted:
      return GRAPHITE_FS_DELETED;
    case fs_event_kind::moved:
      return GRAPHITE_FS_MOVED;
    case fs_event_kind::folder:
      return GRAPHITE_FS_FOLDER;
    case fs_event_kind::overflow:
      return GRAPHITE_FS_OVERFLOW;
    default:
      return GRAPHITE_FS_MODIFIED;
  }
}

struct listener {
  graphite_fs_callback callback;
  void* user_data;

  void tell(const fs_event& event) const {
    const graphite_fs_event out{type_of(event.kind), event.path.c_str(),
                                event.old_path.empty() ? nullptr : event.old_path.c_str(),
                                static_cast<uint64_t>(to_ns(event.when))};
    callback(&out, user_data);
  }
};

/// A watched tree and the thread that tells of it. The system's thread only ever fills the buffer, so that a
/// slow callback loses nothing before that is full.
class told_tree {
 public:
  told_tree(inotify_watcher_options tree, ignore_rules ignored, std::unique_ptr<event_buffer> buffer,
            listener to)
      : root_(tree.root),
        ignored_(std::move(ignored)),
        buffer_(std::move(buffer)),
        to_(to),
        system_(with_pruning(std::move(tree))) {}
  ~told_tree() { stop(); }
  told_tree(const told_tree&) = delete;
  told_tree& operator=(const told_tree&) = delete;

  /// Errors: those of tree_watcher::start.
  result<void> start() {
    GRAPHITE_CHECK(system_.start([this](std::vector<fs_event> events) { take_in(std::move(events)); }));
    const auto status = system_.status();
    library_log().debug("watching '{}': {} folders", root_, status.folders);
    note_polling(status);
    thread_ = std::thread([this] {
      name_thread("graphite-watch");
      run();
    });
    return {};
  }

  /// No callback runs afterwards. What is held is dropped.
  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
    system_.stop();
  }
  bool in_callback() const { return thread_.get_id() == std::this_thread::get_id(); }
  /// False in a child of fork(), which has none of the threads.
  bool is_of_this_process() const { return process_ == ::getpid(); }

 private:
  inotify_watcher_options with_pruning(inotify_watcher_options tree) const {
    if (!ignored_.empty())
      tree.prune = [this](std::string_view folder) { return ignored_.ignored(folder, true); };
    return tree;
  }

  /// Called by the system's threads.
  void take_in(std::vector<fs_event> events) {
    bool lost = false;
    {
      const std::lock_guard lock(mutex_);
      for (auto& event : events) {
        const auto when = event.when;
        lost = lost || event.kind == fs_event_kind::overflow;
        try {
          if (auto left = without_ignored(std::move(event), ignored_)) buffer_->note(std::move(*left));
        } catch (const std::bad_alloc&) {
          buffer_->lose(when);
        }
      }
    }
    changed_.notify_all();
    if (lost) note_polling(system_.status());
  }

  void run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      if (const auto event = take()) {
        lock.unlock();
        tell(*event);
        lock.lock();
      } else if (const auto next = buffer_->next()) {
        changed_.wait_until(lock, *next);
      } else {
        changed_.wait(lock);
      }
    }
  }

  std::optional<fs_event> take() {
    const time_point now = std::chrono::steady_clock::now();
    try {
      return buffer_->take(now);
    } catch (const std::bad_alloc&) {
      buffer_->lose(now);
      return {};
    }
  }

  void tell(const fs_event& event) {
    if (event.kind == fs_event_kind::overflow)
      library_log().warn("events below '{}' were lost: all of it has to be looked at", root_);
    to_.tell(event);
  }

  void note_polling(const watch_status& status) {
    if (status.mode == watch_mode::polling && !polling_.exchange(true))
      library_log().warn("'{}' is looked over again and again: {}", root_, status.reason);
  }

  const ::pid_t process_ = ::getpid();
  const std::string root_;
  const ignore_rules ignored_;
  const std::unique_ptr<event_buffer> buffer_;  ///< mutex_ guards it
  const listener to_;
  std::atomic<bool> polling_{false};  ///< and said so
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  inotify_watcher system_;
  std::thread thread_;
};

/// Errors: invalid_argument, not_found, permission_denied, io.
result<inotify_watcher_options> options_of(const char* path, bool recursive) {
  inotify_watcher_options out;
  std::error_code code;
  out.root = std::filesystem::absolute(path, code).string();
  const auto found = std::filesystem::status(code ? path : out.root, code);
  if (code) return fail_errno(code.value(), "cannot watch '" + std::string(path) + "'");
  if (!std::filesystem::is_directory(found))
    return fail(errc::invalid_argument, "'" + std::string(path) + "' is not a folder");
  out.recursive = recursive;
  out.lone_files.clear();
  return out;
}

/// Errors: invalid_argument.
result<ignore_rules> rules_of(const char** patterns) {
  std::string text;
  for (std::size_t i = 0; patterns != nullptr && patterns[i] != nullptr; ++i) {
    const std::string_view pattern(patterns[i]);
    if (i >= patterns_max || pattern.size() > glob::bytes_max || pattern.find('\n') != pattern.npos)
      return fail(errc::invalid_argument,
                  "more or longer patterns than there may be, or one with a line break");
    text.append(pattern).push_back('\n');
  }
  ignore_rules out;
  out.add({}, text);
  return out;
}

result<std::unique_ptr<told_tree>> start_telling(const char* path, bool recursive, ignore_rules ignored,
                                                 std::unique_ptr<event_buffer> buffer, listener to) {
  GRAPHITE_TRY(auto tree, options_of(path, recursive));
  auto out = std::make_unique<told_tree>(std::move(tree), std::move(ignored), std::move(buffer), to);
  GRAPHITE_CHECK(out->start());
  return out;
}

/// Takes `watcher` apart, unless its own callback or a child of its process asks for that.
template <class Watcher>
void destroy(Watcher* watcher, const char* what) {
  if (watcher == nullptr || !watcher->tree->is_of_this_process()) return;
  if (!watcher->tree->in_callback()) return delete watcher;
  try {
    library_log().error("{}() does nothing in the watcher's own callback", what);
  } catch (const std::bad_alloc&) {  // so nobody is told
  }
}

}  // namespace

struct graphite_fs_watcher {
  std::unique_ptr<told_tree> tree;
};
struct graphite_debounced_watcher {
  std::unique_ptr<told_tree> tree;
};

graphite_fs_watcher* graphite_fs_watcher_create(const char* path, bool recursive,
                                                graphite_fs_callback callback, void* user_data) {
  graphite_fs_watcher* out = nullptr;
  guarded([&] {
    if (path == nullptr || callback == nullptr) return invalid("graphite_fs_watcher_create: a null argument");
    auto tree =
        start_telling(path, recursive, {}, std::make_unique<event_queue>(held_max), {callback, user_data});
    if (!tree) return failed(tree.error());
    out = new graphite_fs_watcher{std::move(*tree)};
    return GRAPHITE_SUCCESS;
  });
  return out;
}

void graphite_fs_watcher_destroy(graphite_fs_watcher* watcher) {
  destroy(watcher, "graphite_fs_watcher_destroy");
}

graphite_debounced_watcher* graphite_debounced_watcher_create(const char* path, bool recursive,
                                                              const graphite_debounce_config* config,
                                                              graphite_fs_callback callback,
                                                              void* user_data) {
  graphite_debounced_watcher* out = nullptr;
  guarded([&] {
    if (path == nullptr || config == nullptr || callback == nullptr)
      return invalid("graphite_debounced_watcher_create: a null argument");
    auto ignored = rules_of(config->ignore_patterns);
    if (!ignored) return failed(ignored.error());
    const debounce_options options{milliseconds(config->debounce_ms), milliseconds(config->max_delay_ms),
                                   config->coalesce_events, held_max};
    auto tree = start_telling(path, recursive, std::move(*ignored),
                              std::make_unique<event_debouncer>(options), {callback, user_data});
    if (!tree) return failed(tree.error());
    out = new graphite_debounced_watcher{std::move(*tree)};
    return GRAPHITE_SUCCESS;
  });
  return out;
}

void graphite_debounced_watcher_destroy(graphite_debounced_watcher* watcher) {
  destroy(watcher, "graphite_debounced_watcher_destroy");
}
