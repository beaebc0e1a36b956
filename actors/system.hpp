#pragma once

#include <memory>

#include "actors/bundle_archive.hpp"
#include "actors/facade.hpp"
#include "actors/hooks.hpp"
#include "actors/published_state.hpp"
#include "actors/restore.hpp"
#include "coordinator/asset_report.hpp"
#include "core/cancel_token.hpp"
#include "core/ports/thread_pool.hpp"
#include "core/ports/transport.hpp"
#include "core/ports/tree_watcher.hpp"
#include "node/ingest.hpp"
#include "relay/ack_summary.hpp"

namespace graphite {

class live_filter;
class system_extension;

/// One view, its graph, its channels and one build domain in this process. Everything here outlives the
/// system.
struct system_ports {
  std::shared_ptr<const project> config;
  key_value_store* rows = nullptr;
  chunk_store* contents = nullptr;
  const hasher* hash = nullptr;
  clock_source* clock = nullptr;
  random_source* random = nullptr;
  log_sink* log = nullptr;
  const file_reader* files = nullptr;
  const ingester* ingest = nullptr;
  live_filter* filter = nullptr;
  tree_watcher* events = nullptr;       ///< null: one look at the tree, then nothing is watched
  head_publisher* publisher = nullptr;  ///< null: nobody is told of generations
  published_state* published = nullptr;
  const head_signer* signer = nullptr;  ///< null: nothing is signed
  std::function<std::vector<ack_summary::peer>()> peers = [] { return std::vector<ack_summary::peer>(); };
  thread_pool* build_pool = nullptr;        ///< attempts
  system_extension* cluster = nullptr;      ///< runs them in their place; null: nothing does
  std::function<void()> on_thread = [] {};  ///< first thing in each thread of the actors
  std::function<machine_status()> machine = [] { return machine_status(); };  ///< for status(); any thread
  std::map<std::string, bundle_archive*> archives;                            ///< one a channel
  uuid boot;
  /// Plans, and builds only while somebody waits for a build; `how.dry` of the engine must be set. Else
  /// everything is built as soon as it can be.
  bool on_demand = false;

  watcher_hooks watching;
  graph_hooks building;
  std::function<attempt_result(const attempt_spec&, const cancel_token&)> run_attempt;
  std::function<void(const error&)> on_fatal;
  std::function<void(const head&, const asset_changes&, const stage_times&)> on_generation =
      [](const auto&, const auto&, const auto&) {};
  /// Collects garbage at the next rest; called by any thread.
  std::function<void(gc_request, reply<gc_report>)> collect = [](gc_request, const reply<gc_report>& done) {
    done(fail(errc::unsupported, "nothing is collected here"));
  };
};

/// The actors of one process, wired. Hides CAF. Thread-safe as a facade.
class local_system final : public service_facade {
 public:
  /// `how.epoch` and `how.config` are filled in from `ports` and the state. Restores what the state folder
  /// holds, starts the actors, begins to look at the tree. Errors: those of begin_reign and restore_channel.
  static result<std::unique_ptr<local_system>> start(system_ports ports, engine_options how);
  /// Only the channels, to fold what the journal holds: nothing is looked at or built, it is always at rest,
  /// and of the facade only gc() may be called. Errors: as above.
  static result<std::unique_ptr<local_system>> start_idle(system_ports ports);
  /// Folds what the journal holds, ends the actors, waits for them.
  ~local_system() override;

  void build(build_request request, reply<build_summary> done) override;
  void status(reply<service_status> done) override;
  void why(std::string path, reply<why_answer> done) override;
  void trace(std::string build, std::uint64_t after, reply<trace_page> done) override;
  void graph(graph_query query, reply<graph_answer> done) override;
  void hold(duration timeout, reply<std::uint64_t> done) override;
  void release(std::uint64_t token, reply<bool> done) override;
  void rollback(std::string channel, std::uint64_t sequence, reply<head> done) override;
  void diff(std::string channel, std::uint64_t from, std::uint64_t to, reply<generation_diff> done) override;
  void gc(gc_request request, reply<gc_report> done) override;
  /// Calls on_stop; the owner ends the process.
  void stop() override;

  /// What is known of a source or asset, and whether a build would do something for it. Waits as build()
  /// does, but builds nothing. Errors: not_found, invalid_argument, those of status().
  void describe(std::string path, reply<asset_report> done);
  /// What a build would do, the first `tasks_max` things. Waits as describe() does.
  void stale(std::size_t tasks_max, reply<stale_list> done);
  /// Answers the builds whose request's token has been cancelled with `cancelled`; on demand once nothing
  /// runs for them any more. Without that call a cancelled token ends only builds that have not begun.
  void cancel_builds();
  /// Where else the process can be reached: status() tells.
  struct addresses {
    std::uint64_t pid = 0;
    std::string chunks, metrics;
  };
  void set_addresses(addresses known);
  void on_stop(std::function<void()> call);
  /// Events of inputs of the view that lie outside the root, which has a watcher of its own. Any thread.
  void inputs_changed(const std::vector<fs_event>& events,
                      const std::function<bool(std::string_view path)>& is_input);

  /// Waits until nothing is left in the journal and all rows of the graph are written, at most `wait` each.
  /// False where the time ran out.
  bool drain(duration wait);
  /// Bundle folders were rewritten: the channels go on from their new pages. Any thread; returns at once.
  void pages_moved();
  /// Calls on_rest of the graph's hooks if it is at rest now; else that comes with the rest. Any thread;
  /// returns at once.
  void look_for_rest();

 private:
  struct impl;
  explicit local_system(std::unique_ptr<impl> self);
  std::unique_ptr<impl> impl_;
};

}  // namespace graphite
