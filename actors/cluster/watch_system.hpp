#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/cluster/dialling.hpp"
#include "actors/cluster/view_watch_hooks.hpp"
#include "actors/hooks.hpp"
#include "core/ports/tree_watcher.hpp"
#include "node/ingest.hpp"

namespace graphite {

class live_filter;

struct watch_system_options : dialling_options {
  random_source* random = nullptr;  ///< the watcher's

  // Of the view, as in system_ports.
  std::shared_ptr<const project> config;
  tree_watcher* events = nullptr;
  const file_reader* files = nullptr;
  const ingester* ingest = nullptr;
  live_filter* filter = nullptr;
  watcher_hooks watching;
  std::shared_ptr<guarded_sources> known = std::make_shared<guarded_sources>();  ///< from before

  view_feed_options feed;
  view_watch_hooks hooks;
};

/// The actors of a watcher beside the sources, wired: what changes there is told to the coordinator. Hides
/// CAF. Thread-safe.
class watch_system {
 public:
  virtual ~watch_system() = default;
  /// Reads these sources again, whatever is known of them.
  virtual void reread(std::vector<std::string> paths) = 0;
};
/// Errors: those of use_tls.
result<std::unique_ptr<watch_system>> make_watch_system(watch_system_options options);

}  // namespace graphite
