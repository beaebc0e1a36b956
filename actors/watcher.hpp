#pragma once

#include <map>
#include <set>
#include <unordered_map>

#include "actors/complaints.hpp"
#include "actors/hooks.hpp"
#include "actors/interfaces.hpp"
#include "actors/live_filter.hpp"
#include "coordinator/case_twins.hpp"
#include "coordinator/revision.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/log.hpp"
#include "core/ports/random.hpp"
#include "node/ingest.hpp"

namespace graphite {

/// What a watcher works with; outlives the actor.
struct watcher_dependencies : watcher_hooks {
  std::shared_ptr<const project> config;
  tree_watcher* events = nullptr;  ///< null: nothing is watched, only the first revision is made (`build`)
  const file_reader* files = nullptr;
  const ingester* ingest = nullptr;
  live_filter* filter = nullptr;
  clock_source* clock = nullptr;
  random_source* random = nullptr;
  log_sink* log = nullptr;
  graph_actor graph;
  surveyor_actor surveyor;  ///< for the anti-entropy rescan; none: there is none
};

/// What happened while the surveyor looks at the tree: there its answer is stale.
struct rescan_in_progress {
  static constexpr std::size_t paths_max = 65'536;

  bool under_way = false;
  std::set<std::string, std::less<>> changed = {};  ///< paths that were in a revision
  std::set<std::string, std::less<>> folders = {};  ///< that were looked at
  bool useless = false;                             ///< too much happened, or the whole tree was looked at
};

/// Executes what the revision rules ask for: looks, reads, hashes, reports. Decides nothing itself.
struct watcher_state {
  static constexpr std::size_t waiting_max = 1024;
  static constexpr std::size_t held_changes_max =
      32;  ///< a revision of more changes stores its contents at once
  static constexpr duration hold_for_ever = std::chrono::hours(24 * 365);  ///< a timeout of zero: none
  static constexpr milliseconds reread_after{500};  ///< a file that could not be read for now
  static inline const char* name = "watcher";

  watcher_state() {}

  watcher_dependencies with;
  std::optional<revision_builder> builder;
  std::shared_ptr<guarded_sources> known;     ///< the files there are, those that are left out among them
  std::optional<case_twins> twins;            ///< which of them are
  std::set<std::string, std::less<>> hidden;  ///< left out, so that the graph does not know them
  std::set<std::string> flipped;              ///< names that `twins` told of before the first revision
  std::multimap<std::string, std::string, std::less<>> links;  ///< target -> followed link
  std::map<std::string, std::vector<query_ptr>> waiting;       ///< by cookie
  std::map<std::string, query::release> releases;              ///< by cookie
  std::optional<error> not_watching;                           ///< why nothing is watched
  std::set<std::string, std::less<>> unread;                   ///< sources whose last reading failed
  complaint_book complaints;
  rescan_in_progress rescan;
  std::uint64_t revisions = 0;
  std::uint64_t wake_generation = 0;
  std::uint64_t holders = 0;
};

/// What a batch of events says of the inputs of a view.
enum class input_news {
  none,
  unsettled,  ///< somebody may still be writing, or is about to put another file in place
  settled
};
input_news news_of_inputs(const std::vector<fs_event>& events,
                          const std::function<bool(std::string_view path)>& is_input);

/// `known`: the sources as they were when the process last ran.
watcher_actor::behavior_type watcher(watcher_actor::stateful_pointer<watcher_state> self,
                                     watcher_dependencies with, std::shared_ptr<guarded_sources> known);

}  // namespace graphite
