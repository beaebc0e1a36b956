#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "coordinator/action_history.hpp"
#include "coordinator/asset_report.hpp"
#include "coordinator/build_types.hpp"
#include "coordinator/known_sources.hpp"
#include "core/ports/hasher.hpp"
#include "core/ports/log.hpp"
#include "core/project.hpp"

namespace graphite {

/// What a view's engine needs to know from outside; fixed for its life.
struct engine_options {
  std::shared_ptr<const project> config;
  std::shared_ptr<const hasher> hash;
  epoch_number epoch;
  std::uint32_t jobs = 1;                          ///< attempts in flight at most, at least 1
  std::string platform = "linux-x86_64";           ///< part of every key
  std::map<std::string, std::string> environment;  ///< the caller's; rules let names of it through
  /// Of the built-in transforms, by their names: each library (and perhaps the processor), and which it is.
  std::map<std::string, std::map<std::string, std::string>> built_with;
  std::map<std::string, digest> tool_digests;  ///< by name in project::tools; a missing one fails its actions

  enum class publishing {
    as_ready,       ///< `dev`: every closure as soon as it is whole
    all_or_nothing  ///< `build`: one publication at the end, none where something failed
  };
  publishing mode = publishing::as_ready;
  bool keep_going =
      true;  ///< false: after a failure nothing new starts; all_or_nothing publishes only without failures
  bool shown_behind = false;  ///< the newest generation that is shown says that something is behind
  bool dry = false;           ///< plan and ask the cache, start and publish nothing until run()
  duration refused_backoff = milliseconds(250);  ///< doubled each time, up to …
  duration refused_backoff_max = seconds(30);
  /// What would wait longer than this after a refusal counts as failed for whoever waits for a build.
  duration refused_patience = seconds(2);
  std::size_t delta_rows_max = 256;  ///< more small rows than this are folded when idle
};

/// What run() asks for.
struct run_options {
  engine_options::publishing mode = engine_options::publishing::all_or_nothing;
  bool keep_going = true;
  /// Only these sources and assets, what they need and what must be shown with them; empty: everything.
  std::vector<logical_path> only = {};
};

namespace engine_commands {

/// Run it; answered by exactly one finished(), also after a cancel_attempt.
struct start_attempt {
  attempt_spec spec;
};
/// Its result is no longer wanted. finished() still comes, with `cancelled` or what it ended with.
struct cancel_attempt {
  action_id action;
  attempt_number attempt;
};
/// Read the row `weak_key` (its 32 bytes) of table::action_cache; answered by cache_answer().
struct cache_lookup {
  action_id action;
  digest weak_key;
};
/// Show these changes; commit `what.rows` in the same batch. Without changes: only `what.behind` is news.
struct publish {
  publication what;
};
/// Write these lazily: nothing to show belongs to them.
struct persist {
  std::vector<row_write> rows;
};
struct diagnostic {
  log_level level = log_level::warning;
  std::string path;     ///< the source or asset it is about, may be empty
  std::string message;  ///< one line, or lines of what a tool said
  /// Holds until it is taken back: by one of the same path that is standing, too, with an empty message.
  bool standing = false;
};
/// Call tick() then, at the latest; replaces earlier ones.
struct wake_at {
  time_point when;
};
/// Nothing is running, queued or looked up any more. Emitted once per settling.
struct idle {
  std::uint64_t assets = 0;  ///< in the view, published or not
  std::uint64_t ran = 0;     ///< attempts that ended well since the last idle
  std::uint64_t cached = 0;  ///< actions answered by the cache since the last idle
  std::uint64_t failed = 0;  ///< actions that stand failed now, those that wait for a failed one included
  std::uint64_t behind = 0;  ///< assets not shown as their sources are
};

}  // namespace engine_commands

using engine_command =
    std::variant<engine_commands::start_attempt, engine_commands::cancel_attempt,
                 engine_commands::cache_lookup, engine_commands::publish, engine_commands::persist,
                 engine_commands::diagnostic, engine_commands::wake_at, engine_commands::idle>;
using engine_command_list = std::vector<engine_command>;

/// Answer to `why`: from the graph and the stored history rows.
struct why_report {
  static constexpr std::size_t components_max = 256;

  std::string path;
  std::string kind;     ///< "source", "copy", "generated", "missing"
  std::string rule;     ///< that made it, empty for none
  std::string state;    ///< "up to date", "running", "failed", "held back: …" …
  std::string message;  ///< of the failure
  std::string reason;   ///< of the last run, or of the one to come: "changed: a/b.h"; empty: not known
  digest weak, strong;  ///< zero: none; strong: of the last result
  std::vector<key_component> components;  ///< of the key, the first components_max
  std::vector<key_difference> changed;  ///< from the key before; where the last result is stale, from its key
  std::uint64_t changed_left_out = 0;
  std::vector<std::string> chain;       ///< from the source that changed to this asset
  std::optional<sandbox_tier> sandbox;  ///< that the command of the last result ran in; none: no command's
};

/// Answer to `graph rdeps` and `graph deps`: the nearest, as many as fit.
struct reachable_paths {
  /// Of all texts with path_bytes each beside them: less than a message may hold.
  static constexpr std::uint64_t bytes_max = 24 * MiB, path_bytes = 16;
  std::vector<std::string> paths;  ///< ascending
  std::uint64_t left_out = 0;      ///< did not fit
};

/// Rows of table::history by key; nothing where there is none.
using history_rows = std::map<std::string, std::optional<std::string>>;

struct dry_run_action {
  std::string rule, main_input, reason;
  bool certain = true;  ///< false: only where an earlier action's outputs change
};

struct engine_status {
  std::uint64_t sources = 0, artefacts = 0, actions = 0, assets = 0;
  std::uint64_t stale = 0;    ///< actions not up to date, running ones included
  std::uint64_t queued = 0;   ///< that will start; none after a failure that ends the build
  std::uint64_t retried = 0;  ///< refused by our own side, and tried again soon
  std::uint64_t running = 0, failed = 0, behind = 0;
  revision_id revision;  ///< last applied
};

/// Counted work, for tests of cost.
struct engine_counters {
  std::uint64_t nodes_visited = 0;  ///< artefacts, groups and actions looked at by events since the start
  std::uint64_t rows_written = 0;
  std::uint64_t source_changes = 0;  ///< sources that came, went or got other bytes
  std::uint64_t lookups = 0;
};

struct engine_impl;

/// Plans and follows the builds of one view: sources in, attempts and publications out.
///
/// Pure: events in, commands out, time as an argument; one thread. Every event returns the commands it
/// causes, in order. Invariants: a published closure is from one revision; at most `jobs` attempts are in
/// flight; cost of an event follows the change, not the view. The order of events never changes what is
/// published in the end.
///
/// Start: load_row() for each row of table::sources and table::graph in any order, load_finished(), then
/// apply() of the first revision (even an empty one): nothing starts before it.
class build_engine {
 public:
  explicit build_engine(engine_options options);
  ~build_engine();
  build_engine(build_engine&&) noexcept;
  build_engine& operator=(build_engine&&) noexcept;

  /// Errors: corrupt, newer_version; the row is then ignored and its sources count as never seen.
  result<void> load_row(table where, std::string_view key, std::string_view value);
  engine_command_list load_finished();

  engine_command_list apply(const revision& what, time_point now);
  engine_command_list finished(const attempt_result& what, time_point now);
  /// `row`: the bytes of the row asked for, nothing where there is none or an output of it is no longer
  /// stored. A damaged row counts as none.
  engine_command_list cache_answer(action_id action, const digest& weak_key,
                                   std::optional<std::string_view> row, time_point now);
  engine_command_list tick(time_point now);
  /// What results are stamped with that are made or used from now on, so that the action cache knows which it
  /// may drop. Never set: as if never used.
  void set_wall_clock(std::uint64_t unix_ms);
  /// Contents have been lost: actions with an output that is not `stored` run again, whatever their keys say.
  /// Before the first apply() or later. O(view).
  engine_command_list contents_lost(const std::function<bool(const digest&)>& stored, time_point now);

  /// Ends a rest (engine_options::dry): starts and publishes from now on, as `how` says. What failed is tried
  /// again. `idle` comes when nothing is left to do. Errors: not_found, with the nearest known name.
  result<engine_command_list> run(const run_options& how, time_point now);
  /// Rests: plans and asks the cache, starts and publishes nothing. Attempts in flight go on.
  void rest();
  /// Rests and cancels what is in flight.
  engine_command_list cancel(time_point now);

  /// The key of a row of table::history that why() wants and `have` has no entry for. Ask again with it until
  /// there is none: at most chain_max times.
  std::optional<std::string> wanted_history(const logical_path& path, const history_rows& have) const;
  static constexpr int chain_max = 64;
  /// Errors: not_found with the nearest known name.
  result<why_report> why(const logical_path& path, const history_rows& stored) const;
  /// What depends on `path`, transitively, by build edges and run-time references. O(answer).
  result<reachable_paths> rdeps(const logical_path& path,
                                std::uint64_t bytes_max = reachable_paths::bytes_max) const;
  /// What `path` depends on, the same way.
  result<reachable_paths> deps(const logical_path& path,
                               std::uint64_t bytes_max = reachable_paths::bytes_max) const;
  /// A shortest chain of edges by which `from` needs `to`; empty where it does not.
  result<std::vector<std::string>> dependency_path(const logical_path& from, const logical_path& to) const;
  /// Every cycle of build edges, as its paths.
  std::vector<std::vector<std::string>> cycles() const;
  /// Errors: not_found with the nearest known name. O(what it directly needs).
  result<asset_report> describe(const logical_path& path) const;
  /// What is not shown as its sources are, the first `most`. O(stale, and their inputs).
  stale_list stale(std::size_t most = stale_list::tasks_max) const;
  /// What would run now, in order of readiness; cached results are not known here.
  std::vector<dry_run_action> dry_run() const;
  /// Failed and held assets, first `behind_list::listed_max`.
  behind_list behind() const;
  /// The main input of the action that makes `path`; nothing where no action does.
  std::optional<std::string> main_input_of(const logical_path& path) const;
  /// Contents of changed assets that are not shown yet: the rows say nothing of them. O(changed assets).
  std::vector<digest> held_contents() const;
  /// All that was given out to be shown, as a complete publication without rows; what is held back counts as
  /// it was shown last. O(view).
  publication shown() const;
  /// How many of behind() have a path that is `wanted`. O(behind).
  std::uint64_t behind_count(const std::function<bool(std::string_view)>& wanted) const;
  engine_status status() const;
  engine_counters counters() const;
  /// Sources as they are known: what a watcher starts from. O(sources).
  known_sources sources() const;
  /// Paths of the sources whose contents are not `stored`; those that are only built from may be among them.
  std::vector<std::string> sources_not_stored(const std::function<bool(const digest&)>& stored) const;

 private:
  std::unique_ptr<engine_impl> impl_;
};

}  // namespace graphite
