#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cli/watch.hpp"
#include "core/error.hpp"
#include "core/ports/log.hpp"
#include "node/view_feed.hpp"

namespace graphite {

/// A watcher beside the sources: its tree, its uploads, its connection. Owns every adapter and thread.
class watch_process {
 public:
  /// Told by threads of its own; must not block.
  struct listener {
    std::function<void(const feed_commands::tell&)> on_tell = [](const auto&) {};
    /// The view is so now: it changed in so many files, of which there are so many.
    std::function<void(const view_state& now, std::size_t changed, std::size_t files)> on_state =
        [](const auto&, auto, auto) {};
    /// Contents and bytes brought of the present upload.
    std::function<void(std::uint64_t contents, std::uint64_t bytes)> on_upload = [](auto, auto) {};
    std::function<void(std::size_t done, std::size_t all, const std::string& now)> on_read =
        [](auto, auto, const auto&) {};
    /// The project file is another now: call follow_project() by the thread that opened it.
    std::function<void()> on_project_changed = [] {};
    /// The coordinator will never take it.
    std::function<void(const error& why)> on_end = [](const auto&) {};
  };

  /// Errors: those of the keys and of load_project; invalid_argument, unsupported (the sources are not below
  /// the project file).
  static result<std::unique_ptr<watch_process>> open(const watch_options& options, log_sink& log,
                                                     listener tell);
  virtual ~watch_process() = default;

  /// Goes on with the project file as it is now; what is known of the files stays. Errors: those of
  /// load_project: it goes on as it was.
  virtual result<void> follow_project() = 0;
  virtual const std::string& root() const = 0;
  virtual const std::string& name() const = 0;  ///< of its keys
};

}  // namespace graphite
