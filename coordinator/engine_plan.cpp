#include <algorithm>

#include "coordinator/engine_state.hpp"

// Actions, their outputs and the edges between them.

namespace graphite {

using impl = engine_impl;

void impl::add_action(artefact_index main) {
  const auto a = nodes.add_action(main, rules[main]);
  if (a == actions.size()) actions.emplace_back();
  const auto attempts =
      actions[a].attempts;  // numbers go on: results of the slot's former action stay strangers
  actions[a] = action_state{};
  actions[a].attempts = attempts;
  actions[a].stale_since = now;
  actions[a].changed_at = revision_now;
  actions[a].interactive = interactive_now;
  actions[a].why_artefact = main;
  main_action[main] = a;
  ++stale_count;
  undeclared.push_back(main);
  replan.insert(a);
  want_evaluation(a);
}

void impl::drop_action(action_index a) {
  const auto main = nodes.main_input(a);
  overtake(a, 0);
  lookups.erase(a);
  dequeue(a);
  backoffs.forget(a);
  failures.erase(a);
  bad_inputs.erase(a);
  problems.erase(a);
  cycle_problems.erase(a);
  disputes_end(a);
  set_outputs(a, {});
  if (!actions[a].final()) --stale_count;
  for (const auto other : cycle_partners(a)) replan.insert(other);
  cycle_of.erase(a);
  chains.forget_inputs(a);
  nodes.remove_action(a);
  main_action[main] = no_index;
  replan.erase(a);
  actions[a].phase = action_phase::clean;
  save_results.insert(main);
}

/// Takes back every claim of `a` on names that others have; these look again.
void impl::disputes_end(action_index a) {
  for (const auto artefact : claims.withdraw(a))
    if (const auto owner = nodes.producer(artefact); owner != no_index && owner != a)
      undeclared.push_back(nodes.main_input(owner));
}

void impl::set_broken(action_index a, const std::string& message) {
  actions[a].broken = true;
  problems[a] = message;
  stale(a, reason_kind::outputs, no_index, revision_now);
}

/// What to say of a `broken` action.
const std::string& impl::problem_of(action_index a) const {
  const auto cycle = cycle_problems.find(a);
  return cycle != cycle_problems.end() ? cycle->second : problems.at(a);
}

result<output_set> impl::declared_outputs(action_index a) const {
  return output_set::expand(rule_of(a).outputs, logical(nodes.main_input(a)));
}

void impl::declare_outputs(action_index a) {
  const auto declared = declared_outputs(a);
  if (!declared) return set_outputs(a, {}, declared.error().context);
  auto names = declared->exact();
  for (const auto old : nodes.outputs(a))
    if (any_matches(declared->wild(), path(old))) names.push_back(path(old));
  set_outputs(a, names);
}

/// Gives `a` these outputs; a name that something else has already breaks both. `problem`: it is broken.
void impl::set_outputs(action_index a, const std::vector<std::string>& names, std::string problem) {
  const bool was_broken = actions[a].broken;
  disputes_end(a);
  problems.erase(a);
  actions[a].broken = cycle_problems.count(a) != 0;
  std::vector<artefact_index> mine;
  for (const auto& name : names) {
    const auto valid = logical_path::parse(name);
    const auto artefact = valid ? intern(name) : no_index;
    if (artefact == no_index) {
      problem = "output " + name + ": " +
                (valid ? "its name collides with another asset's id" : valid.error().context);
      continue;
    }
    const auto owner = nodes.producer(artefact);
    if ((flags[artefact] & source) != 0) {
      problem = "two producers of " + name + ": it is a source, and " + path(nodes.main_input(a)) +
                " would make it";
    } else if (owner != no_index && owner != a) {
      problem = "two producers of " + name + ": " + path(nodes.main_input(std::min(a, owner))) + " and " +
                path(nodes.main_input(std::max(a, owner)));
      if (problems.count(owner) == 0) set_broken(owner, problem);  // also where a cycle broke it already
    } else {
      if (const auto& others = claims.of(artefact); !others.empty())
        problem = "two producers of " + name + ": " + path(nodes.main_input(a)) + " and " +
                  path(nodes.main_input(*others.begin()));
      if (std::find(mine.begin(), mine.end(), artefact) == mine.end()) mine.push_back(artefact);
      continue;
    }
    claims.add(a, artefact);
  }
  replace_outputs(a, std::move(mine));
  if (const auto bad = bad_inputs.find(a); problem.empty() && bad != bad_inputs.end()) problem = bad->second;
  if (!problem.empty()) {
    set_broken(a, problem);
  } else if (was_broken) {
    stale(a, reason_kind::outputs, no_index, revision_now);
  }
}

/// `output` is shown and the action of `main` makes it no more: the row of `main` stays until that is shown.
void impl::orphan(artefact_index output, artefact_index main) {
  if ((flags[output] & listed) != 0) orphans.add(output, main);
}

void impl::replace_outputs(action_index a, std::vector<artefact_index> mine) {
  const std::vector<artefact_index> old(nodes.outputs(a).begin(), nodes.outputs(a).end());
  std::vector<artefact_index> added;
  bool moved = old.size() != mine.size();
  for (const auto output : mine)
    if (std::find(old.begin(), old.end(), output) == old.end()) added.push_back(output);
  if (!moved && added.empty()) return;
  chains.forget(a);
  // Who refers to the input means the outputs, and so up the chain of rules.
  for (auto by = a; by != no_index; by = nodes.producer(nodes.main_input(by)))
    resolution_changes(nodes.main_input(by));
  for (const auto output : old) {
    if (std::find(mine.begin(), mine.end(), output) != mine.end()) continue;
    vanish(output);
    orphan(output, nodes.main_input(a));
    set_content(output, {});
    value_from[output] = std::max(value_from[output], revision_now);
    for (const auto by : claims.of(output)) undeclared.push_back(nodes.main_input(by));
  }
  if (!added.empty()) actions[a].has_result = false;
  for (const auto output : added) resolution_changes(output);
  nodes.set_outputs(a, std::move(mine));
  for (const auto output : added) {
    value_from[output] = std::max(value_from[output], revision_now);
    appear(output);
  }
}

group_index impl::group_for(std::uint16_t rule, const std::vector<std::string>& texts) {
  std::string joined_texts;
  for (const auto& text : texts) (joined_texts += text) += '\n';
  const auto [at, fresh] = group_of.try_emplace({rule, joined_texts}, no_index);
  if (!fresh) return at->second;
  const auto g = at->second = nodes.add_group();
  groups.push_back({});
  groups[g].rule = rule;
  groups[g].texts = texts;
  std::vector<glob> patterns;
  for (const auto& text : texts)
    if (auto pattern = glob::parse(text)) patterns.push_back(std::move(*pattern));
  globs.add(g, patterns);
  fill_group(g, patterns);
  return g;
}

/// Finds a new group's members: looks only into folders where a pattern can match.
void impl::fill_group(group_index g, const std::vector<glob>& patterns) {
  const auto& paths = nodes.paths();
  std::set<artefact_index> found;
  const auto look_into = [&](std::uint32_t folder, const glob& pattern) {
    for (auto a = paths.first_in(folder); a != path_table::none; a = paths.next_in(a)) {
      visit();
      if (exists(a) && pattern.matches(path(a))) found.insert(a);
    }
  };
  for (const auto& pattern : patterns) {
    if (const auto only = pattern.only_folder()) {
      if (const auto folder = paths.find_folder(*only); folder != path_table::none)
        look_into(folder, pattern);
      continue;
    }
    for (std::uint32_t folder = 0; folder < paths.folder_count(); ++folder)
      if (pattern.may_match_below(paths.folder_text(folder))) look_into(folder, pattern);
  }
  for (const auto a : found) join_group(g, a);
}

/// A glob never takes what its own rule makes: `inputs = ["**"]` would be a cycle in every action.
void impl::join_group(group_index g, artefact_index a) {
  const auto by = nodes.producer(a);
  if (by != no_index && nodes.rule_of(by) == groups[g].rule) return;
  nodes.add_member(g, a);
  chains.forget_producer(a);
  if (auto& by_name = groups[g].by_name) by_name->emplace(id_of_path_text(nodes.paths().name(a)).value, a);
  count_group(g, pending_by(a), loose_by(a));
  group_changed(g, reason_kind::appeared, a, true, value_from[a]);
}

void impl::join_groups(artefact_index a) {
  if (groups.empty()) return;
  const auto tried = globs.tried();
  for (const auto g : globs.matching(path(a))) join_group(g, a);
  visit(globs.tried() - tried);
}

void impl::leave_groups(artefact_index a, revision_number ended) {
  const auto users = nodes.users(a);
  std::vector<group_index> in;
  for (const auto user : users)
    if (user.group()) in.push_back(user.index());
  for (const auto g : in) {
    nodes.remove_member(g, a);
    if (auto& by_name = groups[g].by_name) {
      auto [at, last] = by_name->equal_range(id_of_path_text(nodes.paths().name(a)).value);
      while (at != last && at->second != a) ++at;
      if (at != last) by_name->erase(at);
    }
    count_group(g, -pending_by(a), -loose_by(a));
    group_changed(g, reason_kind::vanished, a, true, revision_now, ended);
  }
}

/// Notes what an action with a depfile reads or looked for: a file of the same name may take its place.
void impl::note_reads(const std::map<artefact_index, edge_kind>& edges) {
  for (const auto& [artefact, kind] : edges) {
    if (kind == edge_kind::declared || (flags[artefact] & named_read) != 0) continue;
    flags[artefact] |= named_read;
    reads_by_name.emplace(id_of_path_text(nodes.paths().name(artefact)).value, artefact);
  }
}

/// Users of `g` with a depfile that a file named like `by` may mean something to: those that read one of that
/// name, those that failed, and those whose attempt is under way, for nobody knows yet what it reads.
std::set<action_index> impl::narrowed_users(group_index g, artefact_index by) {
  std::set<action_index> out;
  const auto add = [&](action_index a) {
    visit();
    if (nodes.live(a) && actions[a].narrowed && actions[a].group == g) out.insert(a);
  };
  const auto& paths = nodes.paths();
  const auto [first, last] = reads_by_name.equal_range(id_of_path_text(paths.name(by)).value);
  for (auto i = first; i != last; ++i) {
    if (paths.name(i->second) != paths.name(by)) continue;
    for (const auto user : nodes.users(i->second))
      if (!user.group()) add(user.index());
  }
  for (const auto& [attempt, f] : flights) add(attempt.first);
  for (const auto& [a, text] : failures) add(a);
  return out;
}

/// The group has another member or lost `by` (`names`), or `by` has another content.
void impl::group_changed(group_index g, reason_kind why, artefact_index by, bool names, revision_number from,
                         revision_number ended) {
  groups[g].listed = false;
  if (loading) return;
  from = std::max(from, 1u);
  for (const auto user : nodes.group_users(g, edge_kind::glob)) stale(user.index(), why, by, from, ended);
  if (!names || nodes.group_users(g, edge_kind::names).empty()) return;
  for (const auto user : narrowed_users(g, by)) stale(user, why, by, from, ended);
}

artefact_index impl::resolve(std::span<const reference_table::candidate> one) const {
  for (const auto candidate : one)
    if (exists(candidate.index())) return candidate.index();
  return no_index;
}

/// Calls `visit_one` with each reference's candidates.
static void each_reference(
    std::span<const reference_table::candidate> all,
    const std::function<void(std::span<const reference_table::candidate>)>& visit_one) {
  for (std::size_t first = 0; first < all.size();) {
    auto last = first + 1;
    while (last < all.size() && !all[last].first()) ++last;
    visit_one(all.subspan(first, last - first));
    first = last;
  }
}

void impl::for_references(artefact_index a, const reference_visitor& visit_one) const {
  each_reference(references.candidates(a), visit_one);
}

void impl::warn_missing(artefact_index a) {
  if (warned.count(a) != 0) return;
  for_references(a, [&](auto one) {
    if (one.front().required() || resolve(one) != no_index) return;
    std::string text = "refers to " + path(one.front().index()) + ", which does not exist";
    if (one.size() > 1) text += "; also tried";
    for (const auto candidate : one.subspan(1)) text += " " + path(candidate.index());
    warned.insert(a);
    out.push_back(engine_commands::diagnostic{log_level::warning, path(a), std::move(text), true});
  });
}

void impl::plan(action_index a) {
  const auto main = logical(nodes.main_input(a));
  std::vector<std::string> texts;
  for (const auto& text : rule_of(a).inputs()) {
    auto expanded = expand_glob(text, main);
    const auto pattern = expanded.and_then([](const auto& one) { return glob::parse(one); });
    if (!pattern) {
      bad_inputs[a] = "inputs: " + pattern.error().context;
      if (problems.count(a) == 0) set_broken(a, bad_inputs[a]);
      return;
    }
    texts.push_back(std::move(*expanded));
  }
  actions[a].group = texts.empty() ? no_index : group_for(nodes.rule_of(a), texts);
  plan_inputs(a, nullptr);
}

/// Rebuilds the edges of `a`; `discovered` replaces what a depfile said before, if given.
void impl::plan_inputs(action_index a, const std::vector<artefact_index>* discovered) {
  auto& st = actions[a];
  std::map<artefact_index, edge_kind> found;
  std::string missing;
  std::vector<artefact_index> open{nodes.main_input(a)};
  found[open.front()] = edge_kind::declared;
  while (!open.empty()) {
    const auto at = open.back();
    open.pop_back();
    visit();
    if (!has_source(at)) continue;
    warn_missing(at);
    for_references(at, [&](auto one) {
      const auto target = resolve(one);
      if (target == no_index && one.front().required() && missing.empty())
        missing = path(at) + " needs " + path(one.front().index()) + ", which does not exist";
      if (one.front().at_run() && (target != no_index || !one.front().required())) return;
      for (const auto candidate : one) {
        if (candidate.index() == target) break;
        found.emplace(candidate.index(), edge_kind::absent);
      }
      if (target == no_index) return;
      if (const auto [where, fresh] = found.emplace(target, edge_kind::scanned); fresh)
        open.push_back(target);
    });
  }
  if (discovered != nullptr) {
    for (const auto artefact : *discovered) found.emplace(artefact, edge_kind::discovered);
  } else if (st.narrowed) {
    for (const auto edge : nodes.inputs(a))
      if (!edge.group() && edge.kind() == edge_kind::discovered)
        found.emplace(edge.index(), edge_kind::discovered);
  }
  if (st.narrowed && st.group != no_index) note_reads(found);
  std::vector<graph_edge> edges;
  for (const auto& [artefact, kind] : found) edges.push_back(graph_edge::to(artefact, kind));
  if (st.group != no_index)
    edges.push_back(graph_edge::to(st.group, st.narrowed ? edge_kind::names : edge_kind::glob, true));
  chains.forget_inputs(a);
  nodes.set_inputs(a, std::move(edges));
  chains.forget_inputs(a);
  missing_input[a] = missing;
  if (missing.empty()) missing_input.erase(a);
  recount(a);
}

/// Counts afresh what the edges' producers add to `a`.
void impl::recount(action_index a) {
  auto& st = actions[a];
  st.pending = st.loose = 0;
  for (const auto edge : nodes.inputs(a)) {
    if (edge.group()) {
      st.pending += groups[edge.index()].pending > 0 ? 1u : 0u;
      st.loose += groups[edge.index()].loose > 0 ? 1u : 0u;
    } else {
      st.pending += static_cast<std::uint32_t>(pending_by(edge.index()));
      st.loose += static_cast<std::uint32_t>(loose_by(edge.index()));
    }
  }
  want_evaluation(a);
}

/// Declares outputs, then plans edges, until nothing new comes of it.
void impl::plan_all() {
  std::set<action_index> planned;
  while (!undeclared.empty() || !replan.empty()) {
    while (!undeclared.empty()) {
      const auto main = undeclared.back();
      undeclared.pop_back();
      if (main_action[main] != no_index) declare_outputs(main_action[main]);
    }
    const auto todo = std::exchange(replan, {});
    for (const auto a : todo) {
      if (!nodes.live(a)) continue;
      plan(a);
      planned.insert(a);
    }
  }
  find_cycles(planned);
}

}  // namespace graphite
