#pragma once

#include <deque>
#include <map>

#include "actors/hooks.hpp"
#include "actors/interfaces.hpp"
#include "core/ports/clock.hpp"

namespace graphite {

/// What a graph actor works with; outlives the actor.
struct graph_dependencies : graph_hooks {
  key_value_store* rows = nullptr;
  clock_source* clock = nullptr;
  log_sink* log = nullptr;
  /// Rows of the action cache without the results whose outputs are not stored any more; nothing where none
  /// is left. Many at once: who has to ask far away asks once.
  std::function<std::vector<std::optional<std::string>>(std::vector<std::optional<std::string>> rows)>
      usable_results;
  std::function<bool(const digest&)> stored;  ///< whether the store has the content
  std::vector<rebuild_actor> domains;         ///< at least one
  std::vector<channel_actor> channels;        ///< of the view; at least one
  std::vector<channel_spec> specs;            ///< what the channels show, in their order
  journal_actor journal;
  std::shared_ptr<const head> newest;  ///< of the first channel, as it was restored
  std::string published;               ///< newest_publication(), as it was restored
  std::vector<std::size_t> astray;     ///< channels that may show something else than it, by number
  epoch_number epoch;                  ///< of this start
  bool on_demand = false;              ///< the engine rests but for builds
};

/// Executes the engine's commands: nothing is decided here.
struct graph_state {
  static constexpr std::size_t diagnostics_max = 100;
  static constexpr std::size_t standing_max = 10'000;  ///< paths
  static constexpr std::size_t waiting_max = 1024;
  static constexpr std::size_t lookups_at_once_max = 256;
  static inline const char* name = "dependency-graph";

  graph_state() {}
  bool idle() const;  ///< nothing runs and nothing is queued
  void note(const engine_commands::diagnostic& line);
  void stir(std::string cause) { recorder.stir(std::move(cause), with.clock->now(), with.clock->unix_ns()); }

  struct in_flight {
    std::string rule, path;
    time_point since{};
    std::size_t domain = 0;
  };
  struct waiting_build {
    std::shared_ptr<const query> asked;
    time_point since{};
    bool ran_on = false;  ///< something ran when it was looked at last
    std::uint64_t published =
        0;  ///< it waits for the publications up to this one; later ones are others' business
  };

  graph_dependencies with;
  std::optional<build_engine> engine;
  std::deque<engine_command> todo;                    ///< empty between messages
  std::deque<engine_commands::cache_lookup> lookups;  ///< the same
  std::deque<std::optional<std::string>> rows_read;   ///< of the first of `lookups`
  watcher_actor watch;
  std::map<std::pair<std::uint32_t, std::uint32_t>, in_flight> running;
  std::deque<diagnostic_line> diagnostics;  ///< since the last build was answered, newest last
  std::map<std::string, std::vector<diagnostic_line>> standing;  ///< what holds still, by path
  std::vector<waiting_build> waiting;
  std::shared_ptr<const head> newest;            ///< of the first channel
  std::shared_ptr<const error> publish_failure;  ///< of the last publication, null: it went well
  engine_commands::idle totals;    ///< ran and cached since the start; the rest as of the last idle
  engine_commands::idle answered;  ///< totals when the last build was answered: its counts start there
  std::uint64_t changed_answered = 0;
  std::uint64_t published = 0,
                publications_answered = 0;  ///< sent to channels; each channel answers in order
  std::vector<row_write> held_rows;         ///< until no publication is under way
  std::uint64_t wake_generation = 0;
  bool seen_revision = false;
  std::string newest_id;            ///< of the newest publication that was given out; empty before the first
  std::uint64_t given_ids = 0;      ///< by this process
  std::vector<std::size_t> astray;  ///< channels to be brought in step at the first rest
  trace_recorder recorder;
  kept_traces traces;
};

/// `engine` has its rows loaded; `loaded` are the commands that loading gave.
graph_actor::behavior_type dependency_graph(graph_actor::stateful_pointer<graph_state> self,
                                            graph_dependencies with, std::shared_ptr<build_engine> engine,
                                            engine_command_list loaded);

}  // namespace graphite
