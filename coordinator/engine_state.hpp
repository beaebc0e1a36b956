#pragma once

#include <deque>
#include <map>
#include <set>
#include <unordered_map>

#include "coordinator/components.hpp"
#include "coordinator/critical_paths.hpp"
#include "coordinator/engine_values.hpp"
#include "coordinator/glob_index.hpp"
#include "coordinator/graph.hpp"
#include "coordinator/graph_rows.hpp"
#include "coordinator/index_set.hpp"
#include "coordinator/output_names.hpp"
#include "coordinator/ready_queue.hpp"
#include "coordinator/reference_table.hpp"
#include "core/output_set.hpp"

/// \file Private to coordinator/engine*.cpp.
///
/// How it works. An action is *final* (clean or failed for the newest sources) or not. Becoming stale spreads
/// to everything downstream at once: each user counts its inputs' producers that have no usable value
/// (`pending`) and those that are not final (`loose`). An action without pending inputs is *evaluated*: left
/// alone where no input really changed (early cutoff), else its keys are asked of the cache, else it is
/// queued. An attempt that was overtaken by a revision but allowed to end gives an *interim* value: usable,
/// not final, valid from one revision up to another. Values whose validity does not overlap are never
/// combined, neither as inputs of one attempt nor within one published closure.

namespace graphite {

struct engine_impl {
  explicit engine_impl(engine_options given);

  engine_options options;
  const project& config;
  graph nodes;
  critical_paths chains{nodes};  ///< of what is not final
  reference_table references;
  glob_index globs;
  engine_command_list out;
  time_point now{};
  std::uint64_t wall_unix_ms = 0;

  // By artefact.
  enum flag : std::uint8_t {
    source = 1,
    named_read = 2,  ///< in `reads_by_name`
    listed = 4,
    rule_known = 8,
    being_written = 16,  ///< open: its content is not known yet
    unreadable = 32      ///< in `unread`: what is made of it fails
  };
  std::vector<std::uint8_t> flags;
  std::vector<stat_signature> signatures;
  std::vector<revision_number> value_from;
  std::vector<std::uint16_t> rules;
  std::vector<action_index> main_action;

  // By action, by group.
  std::vector<action_state> actions;
  std::vector<glob_group> groups;
  std::map<std::pair<std::uint16_t, std::string>, group_index> group_of;
  std::vector<rule_recipe> recipes;

  // Sparse.
  std::unordered_map<artefact_index, part_list> parts;  ///< of what has several
  std::map<action_index, std::string> failures;
  std::map<std::string, std::string> unread;             ///< why a source could not be read, by path
  std::map<artefact_index, revision_number> held_since;  ///< of what is open or unreadable
  std::map<action_index, std::string> bad_inputs;        ///< `inputs` that make no glob for its main input
  std::map<action_index, std::string> problems;          ///< why it is `broken`, but for cycles
  std::map<action_index, std::string> cycle_problems;    ///< why it is, too: a cycle goes through it
  std::map<action_index, std::string> told;              ///< the problem last told, to tell it once
  std::map<action_index, std::string> missing_input;     ///< a required reference that leads nowhere
  name_claims claims;                                    ///< on names of the graph's producers and of sources
  std::map<action_index, std::vector<artefact_index>> cycle_of;  ///< artefacts of its cycle
  std::map<std::pair<action_index, std::uint32_t>, flight> flights;
  std::map<action_index, lookup> lookups;
  backoff_table backoffs;
  static constexpr std::size_t lost_max = 65'536;
  std::set<digest>
      lost;  ///< contents that actions made, and that nobody has: cached results naming one are none
  ready_queue ready;
  std::map<artefact_index, dirty_asset> dirty;
  former_outputs orphans;
  std::unordered_multimap<artefact_index, artefact_index>
      old_parents;  ///< by shown references of dirty assets
  component_set components;
  std::vector<artefact_index> unjoined;  ///< changed assets not in `components` yet
  std::set<artefact_index> warned;       ///< sources whose missing references were told
  /// What actions with a depfile read or looked for, by the hash of its file name. Only grows.
  std::unordered_multimap<std::uint64_t, artefact_index> reads_by_name;

  // What run() is restricted to.
  std::vector<artefact_index> targets;  ///< empty: everything
  std::set<action_index> chosen;        ///< that they need, as they were when it was last looked

  // Work of the present event.
  revision_number revision_now = 0;
  std::shared_ptr<const revision_stamp> stamp;
  bool interactive_now = false, in_apply = false, loading = false, started = false, was_idle = true;
  std::vector<artefact_index> undeclared;  ///< mains whose actions want outputs
  std::set<action_index> replan;
  std::deque<action_index> evaluate_queue;
  index_set touched;                         ///< dirty assets to look at again
  index_set touched_sources;                 ///< those of them that are sources and not told of yet
  std::set<artefact_index> touched_at_rest;  ///< that a run has to look at again
  std::set<component_set::component> to_check;
  std::unordered_map<artefact_index, artefact_index> obstacle;  ///< by a component's first member
  std::set<artefact_index> failed_assets;                       ///< copies that need what does not exist

  // Rows.
  std::vector<row_write> rows;
  std::set<artefact_index> save_sources;
  std::set<artefact_index> save_results;  ///< by main input
  std::set<artefact_index> save_interim;  ///< by main input: shown, and not final
  row_keeper keeper;
  std::uint64_t stale_count = 0, asset_count = 0, source_count = 0;
  std::uint64_t ran = 0, cached = 0;
  revision_id last_revision;
  std::optional<behind_list> behind_told;  ///< with the last publication; nothing before the first
  revision_id shown_of;                    ///< the newest that the publication in hand shows something of
  engine_counters counted;

  // engine_sources.cpp: what exists.
  artefact_index intern(std::string_view path) { return intern(path, nodes.paths().hash_of(path)); }
  artefact_index intern(std::string_view path, std::uint64_t hash);
  bool has_source(artefact_index a) const { return (flags[a] & source) != 0; }
  bool exists(artefact_index a) const { return has_source(a) || nodes.producer(a) != no_index; }
  bool is_asset(artefact_index a) const;
  void change_source(const source_change& change);
  void set_source(artefact_index a, const source_state& state);
  void drop_source(artefact_index a);
  void set_references(artefact_index a, const std::vector<scanned_reference>& found);
  void appear(artefact_index a);
  void vanish(artefact_index a);
  revision_number value_ends(artefact_index a, revision_number latest) const;
  void content_changed(artefact_index a, revision_number from, revision_number ended);
  void valid_again(artefact_index a, revision_number from);
  void shape_changed(artefact_index a);
  void about_to_change(artefact_index a);
  void resolution_changes(artefact_index a);
  std::uint16_t match_rule(artefact_index a) const;
  void drop_missing(const revision& what);
  void note_unread(const unread_source& one);
  void readable_again(artefact_index a);
  void hold_open(const std::vector<logical_path>& now_open);
  void release(artefact_index a);
  bool held(artefact_index a) const { return (flags[a] & (being_written | unreadable)) != 0; }
  /// What a source or generated file adds to its users' `pending` and `loose`.
  int pending_by(artefact_index a) const;
  int loose_by(artefact_index a) const;
  void set_content(artefact_index a, const content_ref& content,
                   const std::vector<content_ref>& its_parts = {});
  part_list parts_of(artefact_index a) const;
  std::span<const content_ref> stored_of(artefact_index a) const;
  void outputs_refer_anew(artefact_index main);

  // engine_plan.cpp: actions and their edges.
  void add_action(artefact_index main);
  void drop_action(action_index a);
  result<output_set> declared_outputs(action_index a) const;
  void declare_outputs(action_index a);
  void set_outputs(action_index a, const std::vector<std::string>& names, std::string problem = {});
  void replace_outputs(action_index a, std::vector<artefact_index> mine);
  void disputes_end(action_index a);
  void orphan(artefact_index output, artefact_index main);
  void fill_group(group_index g, const std::vector<glob>& patterns);
  void join_group(group_index g, artefact_index a);
  using reference_visitor = std::function<void(std::span<const reference_table::candidate>)>;
  void for_references(artefact_index a, const reference_visitor& visit_one) const;
  void warn_missing(artefact_index a);
  std::vector<action_index> cycle_partners(action_index a) const;
  void plan(action_index a);
  void plan_inputs(action_index a, const std::vector<artefact_index>* discovered);
  void recount(action_index a);
  group_index group_for(std::uint16_t rule, const std::vector<std::string>& texts);
  void join_groups(artefact_index a);
  void leave_groups(artefact_index a, revision_number ended);
  void count_group(group_index g, int pending, int loose, std::vector<action_index>* unsettled = nullptr);
  void group_changed(group_index g, reason_kind why, artefact_index by, bool names, revision_number from,
                     revision_number ended = forever);
  void note_reads(const std::map<artefact_index, edge_kind>& edges);
  std::set<action_index> narrowed_users(group_index g, artefact_index by);
  void plan_all();
  artefact_index resolve(std::span<const reference_table::candidate> one) const;
  void find_cycles(const std::set<action_index>& planned);
  std::string outputs_text(action_index a) const;
  void set_broken(action_index a, const std::string& message);
  const std::string& problem_of(action_index a) const;

  // engine_settle.cpp: staleness.
  void stale(action_index a, reason_kind why, artefact_index by, revision_number from,
             revision_number ended = forever);
  void unsettle(action_index a);
  void overtake(action_index a, revision_number from);
  void settle(action_index a, action_phase how, std::string message);
  void make_interim(action_index a, revision_number to);
  void count_users(action_index a, int pending, int loose, std::vector<action_index>* unsettled = nullptr);
  void count_readers(artefact_index a, int pending, int loose, std::vector<action_index>* unsettled);
  void count_user(action_index user, int pending, int loose, std::vector<action_index>* unsettled);
  void want_evaluation(action_index a);
  void evaluate(action_index a);
  void contents_lost(const std::function<bool(const digest&)>& stored);
  bool inputs_agree(action_index a, revision_number& from, revision_number& to) const;
  std::string failed_input(action_index a) const;

  // engine_attempts.cpp: cache, queue, attempts.
  std::vector<artefact_index> input_artefacts(action_index a) const;
  digest weak_of(action_index a) const;
  std::vector<artefact_index> members_named(group_index g, std::string_view name);
  std::set<std::string> namesakes(action_index a, const path_set& set);
  static std::set<std::string> namesakes(const std::vector<attempt_input>& inputs, const path_set& set);
  digest value_of(const path_set_entry& entry, action_index a, const path_set& set);
  digest listing_of(group_index g);
  path_set set_of(action_index a) const;
  digest strong_of(action_index a, const digest& weak, const path_set& set);
  std::uint64_t signature_of(action_index a);
  path_set scanned_set(action_index a) const;
  void look_up(action_index a);
  void answer(action_index a, std::optional<std::string_view> row);
  bool fits_plan(action_index a, const path_set& set) const;
  bool use_cached(action_index a, const cached_result& hit);
  cached_result result_of(action_index a, const flight& f, const attempt_result& what) const;
  std::string group_text(action_index a) const;
  void fail_attempt(action_index a, const attempt_result& what);
  void lose_inputs(action_index a, const flight& f, const attempt_result& what);
  void refuse_attempt(action_index a, const attempt_result& what);
  void enqueue(action_index a, lookup with);
  void dequeue(action_index a);
  void start_ready();
  void start(action_index a);
  attempt_spec spec_of(action_index a) const;
  std::uint64_t expected_ns(action_index a) const;
  std::uint64_t critical_ns(action_index a);
  void end_attempt(const attempt_result& what);
  void attempt_succeeded(action_index a, flight& f, const attempt_result& what);
  std::string accept_outputs(action_index a, const std::vector<attempt_output>& outputs,
                             revision_number from);
  void accept(action_index a, const cached_result& what, bool narrowed, revision_number to, bool overtaken);
  void back_off(action_index a);
  void want_again(action_index a);
  void wake();

  // engine_run.cpp: resting, running, only what some targets need.
  void run(const run_options& how, std::vector<artefact_index> only);
  void rest();
  void drop_unchanged();
  void cancel();
  void cancel_flight(action_index a, flight& f);
  void choose();
  std::vector<artefact_index> target_assets() const;
  std::set<component_set::component> target_components() const;
  std::vector<action_index> startable() const;
  std::size_t startable_count() const { return targets.empty() ? ready.size() : startable().size(); }

  // engine_publish.cpp: assets.
  wanted_asset wanted(artefact_index a) const;
  void add_references(artefact_index a, wanted_asset& w) const;
  std::vector<artefact_index> shown_references(artefact_index a) const;
  void expand_reference(artefact_index target, std::vector<artefact_index>& out, int depth) const;
  artefact_index refers_by(artefact_index a) const;
  using showing_visitor = std::function<void(artefact_index)>;
  void for_showing(artefact_index referrer, const showing_visitor& visit_one) const;
  bool names_run_references(artefact_index a) const;
  bool means(artefact_index referrer, artefact_index target) const;
  void parents_of(artefact_index a, const std::function<void(artefact_index)>& visit) const;
  void mark_dirty(artefact_index a);
  void touch_stamp(artefact_index a, const std::function<void(stage_times&)>& change);
  void touch(artefact_index a) {
    if (dirty.count(a) != 0) note_touched(a);
  }
  void note_touched(artefact_index a) {
    touched.insert(a);
    if (has_source(a)) touched_sources.insert(a);
  }
  void tell_source(artefact_index a, const wanted_asset& w);
  void put_off_touched();
  bool same_as_shown(const dirty_asset& d, const wanted_asset& w) const;
  void forget_dirty(artefact_index a);
  void note_shown(artefact_index a, std::vector<artefact_index> now_shown);
  void refresh_touched();
  void join_new();
  std::optional<std::vector<wanted_asset>> final_values(const std::vector<artefact_index>& of) const;
  bool new_are_apart();
  bool show_at_once(publication& into);
  void publish_changed();
  void publish_joined(publication& what);
  void finish_publication(publication what);
  void tell_behind();
  bool may_publish(component_set::component which, std::vector<wanted_asset>& values) const;
  asset_record record_of(artefact_index a, const content_ref& content, const part_list& its_parts,
                         const std::vector<artefact_index>& refers_to) const;
  void stamp_publication(const revision_stamp& one, publication& into);
  void show(artefact_index a, const wanted_asset& value, publication& into);
  bool still_blocked(const std::vector<artefact_index>& members) const;
  void note_obstacle(const std::vector<artefact_index>& members);
  /// What `a`, which is held back, waits for, as people are told; empty where that is not found quickly.
  std::string waits_for(artefact_index a) const;
  void retry_failed(const revision& what);
  void add_failed_roots(action_index a, std::set<action_index>& seen, std::set<action_index>& roots) const;
  std::uint64_t behind_count() const;
  bool is_dirty(const std::string& path) const;
  behind_list behind() const;

  // engine.cpp
  void apply(const revision& what);
  bool stopped() const;
  bool nothing_moves() const;
  engine_command_list flush();

  // engine_rows.cpp
  void write_rows(publication* into);
  void write_deltas();
  source_record source_row(artefact_index a) const;
  std::vector<artefact_index> first_candidates(artefact_index a) const;
  std::optional<result_record> result_row(artefact_index main);
  std::optional<result_record> folded_result(artefact_index main);
  result_record held_row(artefact_index main) const;
  std::uint8_t fold_bits(int which, const std::string& folder, std::uint32_t files);
  void fold();

  // engine_history.cpp
  void history(action_index a);
  std::string provenance_of(action_index a) const;
  static std::string_view reason_text(reason_kind why);
  std::vector<key_component> components_of(action_index a) const;
  std::vector<key_component> content_components(artefact_index a) const;
  void add_inputs(action_index a, std::vector<key_component>& into) const;
  std::string value_text(artefact_index a) const;
  std::string history_key_of(action_index a) const { return "a" + path(nodes.main_input(a)); }
  struct step_back {
    artefact_index file = no_index;  ///< the one before; no_index: not known any more
    std::string path, reason;        ///< its name, and why it made its user stale
  };
  artefact_index cause_of(action_index a, const std::string& cause) const;
  step_back last_step(action_index a, const history_rows& stored) const;
  std::vector<std::string> change_chain(artefact_index a, const history_rows& stored) const;
  void tell_key(action_index a, const history_rows& stored, why_report& into);

  // engine_load.cpp
  result<void> load_row(table where, std::string_view key, std::string_view value);
  result<void> load_records(int which, std::string_view value, bool delta);
  void intern_row();
  void restore_source(const source_rows::record& record, bool rule_holds);
  void restore_references(artefact_index a, const source_rows::record& record);
  bool shows_first_candidates(artefact_index a) const;
  /// Row of sources in hand, and its names' hashes and numbers. Kept from row to row.
  struct load_buffers {
    source_rows row;
    std::vector<std::uint64_t> hashes;
    std::vector<artefact_index> indices;
    std::vector<reference_table::candidate> candidates;
  } loaded;
  void restore_result(action_index a);
  void note_shown_at_load(artefact_index a, const std::vector<logical_path>& targets);
  void restore_wild_outputs(action_index a, const std::vector<std::string>& names);
  void read_again_for_rules(artefact_index a);
  void restore_phases();
  void restore_dirty();
  void restore_shown();
  std::unordered_map<artefact_index, std::vector<artefact_index>> shown_at_load;
  void finish_load();
  std::map<std::pair<std::uint64_t, int>, std::string> late;  ///< delta rows, until all packed ones are read
  std::unordered_map<std::string, result_record> saved;       ///< by main input
  std::map<action_index, std::vector<artefact_index>> discovered_at_load;

  // engine_queries.cpp
  result<artefact_index> known(const logical_path& wanted_path) const;
  std::vector<artefact_index> needs(artefact_index a) const;
  std::vector<artefact_index> needed_by(artefact_index a) const;
  std::string state_text(artefact_index a) const;
  std::string_view kind_text(artefact_index a) const;
  static std::string_view phase_text(action_phase phase);

  // engine_describe.cpp
  std::vector<artefact_index> made_of(artefact_index a) const;
  artefact_index file_behind(artefact_index a) const;
  bool is_stale(artefact_index a) const;
  void tell_action(action_index a, asset_report& into) const;
  void tell_shown(artefact_index a, asset_report& into) const;
  stale_task copy_task(artefact_index a) const;
  stale_task task_of(artefact_index main) const;
  std::vector<artefact_index> stale_mains() const;

  bool settled() const { return stale_count == 0 && flights.empty(); }

  /// A missing reference is told of again when it is looked at again, if it is still missing.
  void forget_warnings(artefact_index a) {
    if (warned.erase(a) == 0) return;
    out.push_back(engine_commands::diagnostic{log_level::info, path(a), {}, true});
  }
  void tell(log_level level, std::string path, std::string message) {
    out.push_back(engine_commands::diagnostic{level, std::move(path), std::move(message)});
  }
  std::string path(artefact_index a) const { return nodes.paths().text(a); }
  logical_path logical(artefact_index a) const { return *logical_path::parse(path(a)); }
  const rule_spec& rule_of(action_index a) const { return config.rules[nodes.rule_of(a)]; }
  void visit(std::uint64_t n = 1) { counted.nodes_visited += n; }
};

}  // namespace graphite
