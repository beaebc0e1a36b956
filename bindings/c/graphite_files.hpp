/* C++17 over graphite_files.h, header only: owners for files and watchers; included by graphite.hpp. */
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "graphite.hpp"

namespace graphite {

/// Owns a graphite_file. Movable. Whatever fails throws `failure`.
class file {
 public:
  file() = default;  ///< closed
  explicit file(const std::string& path, std::uint32_t flags = GRAPHITE_FILE_READ) {
    detail::check(graphite_file_open(&held_, path.c_str(), flags));
  }
  file(file&& other) noexcept : held_(std::exchange(other.held_, {})) {}
  file& operator=(file&& other) noexcept {
    std::swap(held_, other.held_);
    return *this;
  }
  ~file() { graphite_file_close(&held_); }

  /// How many bytes there were: fewer than `size` only at the end of the file. One that was cut short since
  /// it was opened throws.
  std::size_t read(void* buffer, std::size_t size, std::size_t offset) {
    std::size_t out = 0;
    detail::check(graphite_file_read(&held_, buffer, size, offset, &out));
    return out;
  }
  /// All of it, or throws.
  void write(const void* buffer, std::size_t size, std::size_t offset) {
    detail::check(graphite_file_write(&held_, buffer, size, offset, nullptr));
  }
  /// Returns once what was written outlasts a power cut. See graphite_file_sync() for what a failure means.
  void sync() { detail::check(graphite_file_sync(&held_)); }
  /// The file at `path` has exactly these bytes, durably; see graphite_file_replace().
  static void replace(const std::string& path, std::string_view bytes) {
    detail::check(graphite_file_replace(path.c_str(), bytes.data(), bytes.size()));
  }
  /// Mapped until the file is closed, wherever its owner is moved; once.
  std::string_view map(std::size_t offset, std::size_t size) {
    void* out = nullptr;
    detail::check(graphite_file_mmap(&held_, offset, size, &out));
    return {static_cast<const char*>(out), size};
  }
  /// How `size` bytes (0: all to the end) from `offset` will be read.
  void advise(graphite_file_advice advice, std::size_t offset = 0, std::size_t size = 0) {
    detail::check(graphite_file_advise(&held_, offset, size, advice));
  }
  /// Brings bytes of the file that are mapped into memory.
  void prefault(std::size_t offset, std::size_t size) {
    detail::check(graphite_file_prefault(&held_, offset, size));
  }
  /// To hear of what a destructor keeps to itself.
  void close() { detail::check(graphite_file_close(&held_)); }
  const graphite_file& get() const noexcept { return held_; }

 private:
  graphite_file held_ = {};
};

/// Called in the watcher's thread, one event at a time. An exception that leaves it ends the process.
using fs_listener = std::function<void(const graphite_fs_event& event)>;

namespace detail {

/// A watcher and the function that it calls, which stays where it is.
template <class Watcher, void (*Destroy)(Watcher*)>
class owned_watcher {
 public:
  template <class Create>
  owned_watcher(fs_listener listener, Create create)
      : listener_(std::make_unique<fs_listener>(std::move(listener))),
        watcher_(create(&owned_watcher::tell, static_cast<void*>(listener_.get())), Destroy) {
    if (watcher_ == nullptr) check(graphite_last_result());
  }
  owned_watcher(owned_watcher&&) = default;
  owned_watcher& operator=(owned_watcher&& other) noexcept {
    watcher_.swap(other.watcher_);
    listener_.swap(other.listener_);
    return *this;
  }

 private:
  static void tell(const graphite_fs_event* event, void* listener) noexcept {
    (*static_cast<fs_listener*>(listener))(*event);
  }

  std::unique_ptr<fs_listener> listener_;
  std::unique_ptr<Watcher, void (*)(Watcher*)> watcher_;  ///< goes first
};

}  // namespace detail

/// Watches a folder as long as it lives. Movable. Its end waits for the listener, and so is not for the
/// listener to bring about.
class fs_watcher {
 public:
  fs_watcher(const std::string& path, bool recursive, fs_listener listener)
      : held_(std::move(listener), [&](graphite_fs_callback callback, void* user_data) {
          return graphite_fs_watcher_create(path.c_str(), recursive, callback, user_data);
        }) {}

 private:
  detail::owned_watcher<graphite_fs_watcher, graphite_fs_watcher_destroy> held_;
};

/// What a debounced_watcher holds back; members as in graphite_debounce_config.
struct debounce {
  std::uint32_t debounce_ms = 100;
  std::uint32_t max_delay_ms = 0;
  bool coalesce_events = true;
  std::vector<std::string> ignore_patterns = {};
};

/// The same with events held back.
class debounced_watcher {
 public:
  debounced_watcher(const std::string& path, bool recursive, const debounce& how, fs_listener listener)
      : held_(std::move(listener), [&](graphite_fs_callback callback, void* user_data) {
          std::vector<const char*> patterns;
          for (const auto& pattern : how.ignore_patterns) patterns.push_back(pattern.c_str());
          patterns.push_back(nullptr);
          const graphite_debounce_config config = {how.debounce_ms, how.max_delay_ms, how.coalesce_events,
                                                   patterns.data()};
          return graphite_debounced_watcher_create(path.c_str(), recursive, &config, callback, user_data);
        }) {}

 private:
  detail::owned_watcher<graphite_debounced_watcher, graphite_debounced_watcher_destroy> held_;
};

}  // namespace graphite
