#pragma once

#include <atomic>

#include "actors/cluster/cluster_rebuild.hpp"
#include "actors/graph.hpp"
#include "actors/jobs/snapshot_feed.hpp"
#include "actors/jobs/view_sink.hpp"

namespace graphite {

/// What views work with; all outlive them.
struct snapshot_view_ports {
  caf::actor_system* system = nullptr;
  dispatch_actor dispatch;
  journal_actor journal;
  key_value_store* rows = nullptr;
  clock_source* clock = nullptr;
  log_sink* log = nullptr;
  std::shared_ptr<const hasher> hash;
  epoch_number epoch;
  view_stores* stores = nullptr;
  const view_setups* setups = nullptr;
  /// Runs what blocks. False where no more work is taken.
  std::function<bool(std::function<void()>)> submit;
  std::uint32_t attempts_max = 4'096;  ///< of one view, at once
  duration misfit_patience = seconds(60);
};

/// Who hears of a build while it runs; by any thread.
struct view_listener {
  std::function<void(const diagnostic_line&)> on_diagnostic = [](const auto&) {};
  /// What a tool said: of the action's first output.
  std::function<void(std::string path, std::string text)> on_said = [](auto, auto) {};
  /// Where its time went; before it is answered.
  std::function<void(std::shared_ptr<build_trace>)> on_trace = [](auto) {};
};

/// A view fed by snapshots: what `graphite submit` builds, once, and what `graphite watch` feeds again and
/// again.
///
/// Owns a graph, which rests but for builds, and what stands around it: attempts go to the cluster under a
/// tenant, a class and a job of its own; results that are everybody's go to the shared action cache; what is
/// shown stays here, and its bytes stay in the stores. Views have nothing in common but the cache: same paths
/// with other bytes disturb nobody. One user at a time; advance() blocks, the rest may be called by any
/// thread.
class snapshot_view {
 public:
  struct spec {
    std::string tenant, name;
    task_class level = task_class::job;
    auto operator<=>(const spec&) const = default;
  };
  snapshot_view(snapshot_view_ports with, spec what);
  ~snapshot_view();
  snapshot_view(const snapshot_view&) = delete;
  snapshot_view& operator=(const snapshot_view&) = delete;

  const spec& what() const { return spec_; }
  /// Goes on to this snapshot; nothing is built for it yet. Errors: those of snapshot_feed::advance.
  result<void> advance(const content_ref& root, const view_recipe& recipe, const cancel_token& cancel);
  /// After advance() only. Builds; at most one at a time.
  void build(build_request request, view_listener listener, reply<build_summary> done);
  /// Ends the build whose token was cancelled; it still answers.
  void cancel();
  void why(std::string path, reply<why_answer> done);

  /// Of the build that runs, or ran last.
  job_progress progress() const;
  std::vector<asset_record> shown() const;
  std::uint64_t sources() const { return sources_; }
  /// The snapshot that it has gone on to. Not while advance() runs.
  const std::optional<content_ref>& root() const { return feed_.root(); }
  /// The list of what it showed last, as it lies in the stores. Of whoever builds.
  const std::optional<content_ref>& listing() const { return listing_; }
  void set_listing(const content_ref& listing) { listing_ = listing; }

 private:
  /// What the actors use, which end later than the view.
  struct shared;

  void spawn(const view_setup& setup);
  void end_actors();
  view_traffic traffic() const;
  engine_options engine_of(const view_setup& setup) const;
  void ask(query&& what) const;

  const snapshot_view_ports with_;
  const spec spec_;
  snapshot_feed feed_;
  std::optional<content_ref> listing_;
  std::shared_ptr<shared> shared_;
  std::atomic<std::uint64_t> sources_ = 0;
  mutable std::mutex mutex_;  ///< of the handles
  graph_actor graph_;
  cluster_rebuild_actor rebuild_;
  journal_actor journal_;
  channel_actor channel_;
};

}  // namespace graphite
