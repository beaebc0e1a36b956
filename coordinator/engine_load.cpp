#include <algorithm>

#include "coordinator/engine_state.hpp"
#include "core/path_text.hpp"

// A restart: rows in, the graph as it was, nothing built again that still holds.

namespace graphite {

using impl = engine_impl;

result<void> impl::load_row(table where, std::string_view key, std::string_view value) {
  const int which = where == table::sources ? 0 : 1;
  if (where != table::sources && where != table::graph)
    return fail(errc::invalid_argument, "not a table of the graph");
  GRAPHITE_TRY(const auto name, decode_row_name(key));
  if (name.delta) {
    keeper.deltas[which].insert(name.sequence);
    keeper.sequence = std::max(keeper.sequence, name.sequence);
    late[{name.sequence, which}] = std::string(value);
    return {};
  }
  keeper.bits[which][name.folder] = name.bits;
  return load_records(which, value, false);
}

result<void> impl::load_records(int which, std::string_view value, bool delta) {
  if (which == 0) {
    GRAPHITE_TRY(const auto header, decode_sources(value, loaded.row));
    keeper.sequence = std::max(keeper.sequence, header.sequence);
    intern_row();
    for (const auto& record : loaded.row.records) {
      if (delta) keeper.touched[0].insert(std::string(folder_of(loaded.row.names[record.path])));
      restore_source(record, header.rules == keeper.rules);
    }
    return {};
  }
  std::vector<result_record> records;
  GRAPHITE_TRY(const auto header, decode_results(value, records));
  keeper.sequence = std::max(keeper.sequence, header.sequence);
  for (auto& record : records) {
    if (delta) keeper.touched[1].insert(std::string(record.main.folder()));
    auto main = record.main.str();
    saved.insert_or_assign(std::move(main), std::move(record));
  }
  return {};
}

/// The numbers of all names of the row in hand, in steps: each look-up waits for memory, many at once do not
/// wait for one another.
void impl::intern_row() {
  const auto& names = loaded.row.names;
  const auto& paths = nodes.paths();
  loaded.hashes.clear();
  loaded.indices.clear();
  for (const auto name : names) {
    loaded.hashes.push_back(paths.hash_of(name));
    paths.prefetch_slot(loaded.hashes.back());
  }
  for (const auto hash : loaded.hashes) paths.prefetch_path(hash);
  for (std::size_t i = 0; i < names.size(); ++i) loaded.indices.push_back(intern(names[i], loaded.hashes[i]));
}

void impl::restore_references(artefact_index a, const source_rows::record& record) {
  auto& found = loaded.candidates;
  found.clear();
  for (std::uint32_t i = 0; i < record.references.count; ++i) {
    const auto& one = loaded.row.references[record.references.first + i];
    bool first = true;
    for (std::uint32_t c = 0; c < one.candidates.count; ++c) {
      const auto target = loaded.indices[one.candidates.first + c];
      if (target == no_index) continue;
      found.push_back(reference_table::candidate::make(target, first, one.required, one.at_run));
      first = false;
    }
  }
  if (!found.empty() || !references.candidates(a).empty()) references.set(a, found);
}

void impl::restore_source(const source_rows::record& record, bool rule_holds) {
  const auto a = loaded.indices[record.path];
  if (a == no_index) return;
  flags[a] &= static_cast<std::uint8_t>(~(listed | source | rule_known));
  set_content(a, {});
  if (!record.present) {
    references.set(a, {});
    return;
  }
  flags[a] |=
      static_cast<std::uint8_t>(source | (record.listed ? listed : 0) | (rule_holds ? rule_known : 0));
  if (rule_holds && (record.rule == no_rule || record.rule < config.rules.size())) rules[a] = record.rule;
  set_content(a, record.content);
  signatures[a] = record.signature;
  shown_at_load.erase(a);
  if (record.has_shown) {
    auto& shown = shown_at_load[a];
    for (std::uint32_t i = 0; i < record.shown.count; ++i)
      if (const auto index = loaded.indices[record.shown.first + i]; index != no_index)
        shown.push_back(index);
  }
  restore_references(a, record);
}

/// Outputs and edges of an action as they were saved; its result counts where the fingerprint still fits.
void impl::restore_result(action_index a) {
  const auto found = saved.find(path(nodes.main_input(a)));
  if (found == saved.end()) return;
  const auto& record = found->second;
  auto& st = actions[a];
  st.cost_ns = record.cost_ns;
  st.built = record.built;
  st.has_result = record.recipe == recipes[nodes.rule_of(a)].key;
  if (!st.has_result) st.why = reason_kind::recipe;
  std::vector<std::string> names;
  for (const auto& output : record.outputs) names.push_back(output.path.str());
  restore_wild_outputs(a, names);
  for (const auto& output : record.outputs) {
    const auto artefact = intern(output.path.str());
    if (artefact == no_index) continue;
    if (output.listed) flags[artefact] |= listed;
    if (nodes.producer(artefact) == a || nodes.producer(artefact) == no_index)
      set_content(artefact, output.content, output.parts);
    if (output.listed && (!output.shown.empty() || names_run_references(nodes.main_input(a))))
      note_shown_at_load(artefact, output.shown);
    if (output.content == content_ref{}) st.has_result = false;
  }
  for (const auto output : nodes.outputs(a))
    if (nodes.content(output) == content_ref{}) st.has_result = false;
  st.narrowed = record.narrowed;
  std::vector<artefact_index> read;
  for (const auto& one : record.discovered)
    if (const auto artefact = nodes.find(one.str()); artefact != no_index) read.push_back(artefact);
  if (record.narrowed) discovered_at_load[a] = std::move(read);
}

void impl::note_shown_at_load(artefact_index a, const std::vector<logical_path>& targets) {
  auto& shown = shown_at_load[a];
  shown.clear();
  for (const auto& target : targets)
    if (const auto index = intern(target.str()); index != no_index) shown.push_back(index);
}

void impl::restore_wild_outputs(action_index a, const std::vector<std::string>& names) {
  const auto declared = declared_outputs(a);
  if (!declared || declared->wild().empty()) return;
  auto all = declared->exact();
  std::copy_if(names.begin(), names.end(), std::back_inserter(all),
               [&](const auto& name) { return any_matches(declared->wild(), name); });
  set_outputs(a, all);
  plan_all();
}

void impl::finish_load() {
  loading = true;
  for (const auto& [order, value] : std::exchange(late, {}))
    if (const auto read = load_records(order.second, value, true); !read)
      tell(log_level::warning, {},
           "a stored change is lost and will be found again: " + read.error().context);
  for (artefact_index a = 0; a < flags.size(); ++a)
    if (has_source(a)) ++source_count;
  const auto known = static_cast<artefact_index>(flags.size());
  for (artefact_index a = 0; a < known; ++a) {
    if (!has_source(a)) continue;
    const bool same_rules = (flags[a] & rule_known) != 0;
    appear(a);
    if (!same_rules) read_again_for_rules(a);
  }
  plan_all();
  for (action_index a = 0; a < actions.size(); ++a)
    if (nodes.live(a)) restore_result(a);
  for (const auto& [a, read] : std::exchange(discovered_at_load, {})) plan_inputs(a, &read);
  restore_phases();
  for (auto& [main, record] : std::exchange(saved, {})) {
    // Outputs of actions that are no more are still shown.
    const auto main_index = nodes.find(main);
    for (const auto& output : record.outputs) {
      const auto artefact = output.listed ? intern(output.path.str()) : no_index;
      if (artefact == no_index) continue;
      flags[artefact] |= listed;
      if (!output.shown.empty()) note_shown_at_load(artefact, output.shown);
      const auto by = nodes.producer(artefact);
      if (by == no_index || nodes.main_input(by) != main_index) orphan(artefact, intern(main));
    }
  }
  loading = false;
  restore_dirty();
  loaded = {};
}

/// Other rules than when it was read: what is an asset now may not be stored, what it refers to may be found
/// by other patterns.
void impl::read_again_for_rules(artefact_index a) {
  const bool not_stored = is_asset(a) && (flags[a] & listed) == 0;
  const bool scanned = rules[a] != no_rule && !config.rules[rules[a]].references.empty();
  if (not_stored || scanned || !references.candidates(a).empty()) signatures[a] = {};
}

/// Actions whose fingerprint fits are clean; then all counts are made afresh.
void impl::restore_phases() {
  stale_count = 0;
  for (action_index a = 0; a < actions.size(); ++a) {
    if (!nodes.live(a)) continue;
    auto& st = actions[a];
    const auto found = saved.find(path(nodes.main_input(a)));
    const bool fits = found != saved.end() && st.has_result && !st.broken && found->second.signature != 0 &&
                      missing_input.count(a) == 0 && found->second.signature == signature_of(a);
    st.phase = fits ? action_phase::clean : action_phase::waiting;
    st.changed = !fits;
    st.to = fits ? forever : 0;
    if (!fits) ++stale_count;
  }
  for (auto& group : groups) group.pending = group.loose = 0;
  for (group_index g = 0; g < groups.size(); ++g) {
    for (const auto member : nodes.members(g)) {
      const auto by = nodes.producer(member);
      if (by == no_index || actions[by].final()) continue;
      ++groups[g].pending;
      ++groups[g].loose;
    }
  }
  for (action_index a = 0; a < actions.size(); ++a)
    if (nodes.live(a)) recount(a);
}

/// Whether what is shown of `a` refers to the first candidate of each of its references, as nearly all do.
bool impl::shows_first_candidates(artefact_index a) const {
  for (const auto one : references.candidates(a))
    if (one.first() && (!exists(one.index()) || !is_asset(one.index()))) return false;
  return has_source(a);
}

/// Records whose references mean something else now than when they were shown.
void impl::restore_shown() {
  for (artefact_index a = 0; a < flags.size(); ++a) {
    const auto given = shown_at_load.find(a);
    if ((flags[a] & listed) == 0 || (references.candidates(a).empty() && given == shown_at_load.end()))
      continue;
    if (given == shown_at_load.end() && shows_first_candidates(a)) continue;
    auto before = given == shown_at_load.end() ? first_candidates(a) : given->second;
    std::sort(before.begin(), before.end());
    if (before == shown_references(a)) continue;
    mark_dirty(a);
    note_shown(a, std::move(before));
  }
  shown_at_load.clear();
}

/// What is not shown as it should be, and what waits for something stale.
void impl::restore_dirty() {
  restore_shown();
  for (artefact_index a = 0; a < flags.size(); ++a)
    if (((flags[a] & listed) != 0) != is_asset(a)) mark_dirty(a);
  std::vector<action_index> waiting;
  for (action_index a = 0; a < actions.size(); ++a)
    if (nodes.live(a) && !actions[a].final()) waiting.push_back(a);
  for (const auto a : waiting) {
    for (const auto output : nodes.outputs(a)) about_to_change(output);
    for (const auto output : nodes.outputs(a)) {
      for (const auto user : nodes.users(output)) {
        if (!user.group()) {
          unsettle(user.index());
          continue;
        }
        for (const auto kind : graph::group_kinds)
          for (const auto one : nodes.group_users(user.index(), kind)) unsettle(one.index());
      }
    }
  }
}

}  // namespace graphite
