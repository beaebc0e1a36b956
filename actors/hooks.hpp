#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/facade.hpp"
#include "actors/rest_listener.hpp"
#include "actors/survey.hpp"
#include "coordinator/engine.hpp"
#include "coordinator/kept_traces.hpp"

/// \file What actors call of whoever runs them. CAF's names are not in it.

namespace graphite {

/// Of the watcher. All but on_progress are called by its thread; survey by the surveyor's, too.
struct watcher_hooks {
  /// Compares the tree at or below a folder with what is known. Blocks.
  std::function<result<tree_survey>(const std::string& folder, const guarded_sources& known)> survey;
  /// Lets the tree watcher's watches follow a changed ignore file of `folder`.
  std::function<void(const std::string& folder)> refresh = [](const auto&) {};
  /// Runs `job(0) … job(count - 1)` on several threads and returns when all are done.
  std::function<void(std::size_t count, const std::function<void(std::size_t)>& job)> parallel;
  /// Reference scanner of a rule; null: it has none.
  std::function<std::function<std::vector<scanned_reference>(byte_span)>(const rule_spec&,
                                                                         const logical_path&)>
      scan;
  /// Told of long work: files done, files in all, the file that was just read. Called from several threads.
  std::function<void(std::size_t done, std::size_t all, const std::string& path)> on_progress =
      [](auto, auto, const auto&) {};
  /// Whether `path` (below the root) is an input of the view beside its sources: the project file, a tool.
  std::function<bool(std::string_view path)> is_input = [](auto) { return false; };
  /// Looks at these inputs. True where the view was set up with others; whoever set it up knows of it then.
  std::function<bool()> outdated = [] { return false; };
};

/// Of the graph, called by its thread.
struct graph_hooks {
  /// True once after contents of the store were lost, at the start, too; looks for it. Cheap.
  std::function<bool()> losses = [] { return false; };
  /// Told of every diagnostic.
  std::function<void(const diagnostic_line&)> on_diagnostic = [](const auto&) {};
  /// Settled: totals since the start, and what there is.
  std::function<void(const engine_commands::idle&, const engine_status&)> on_idle = [](const auto&,
                                                                                       const auto&) {};
  /// At rest: nothing is running, queued or on its way to a channel.
  rest_listener on_rest = [](const auto&) {};
  /// A build is over in which something ran or was published: keeps what is known of it, here or elsewhere.
  std::function<void(std::shared_ptr<build_trace> over, kept_traces& here)> on_trace =
      [](auto over, kept_traces& here) { here.add(std::move(over)); };
  /// Actions up to date, actions in all, and the one that was started last.
  std::function<void(std::size_t done, std::size_t all, const std::string& now)> on_running =
      [](auto, auto, const auto&) {};
};

}  // namespace graphite
