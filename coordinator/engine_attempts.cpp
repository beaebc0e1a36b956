#include <algorithm>

#include "bundle/part_list.hpp"
#include "coordinator/engine_state.hpp"

// From a stale action to its result: cache, queue, attempt.

namespace graphite {

using impl = engine_impl;

void impl::look_up(action_index a) {
  const auto& recipe = recipes[nodes.rule_of(a)];
  if (!recipe.problem.empty()) return settle(a, action_phase::failed, recipe.problem);
  actions[a].phase = action_phase::looking;
  const auto weak = weak_of(a);
  lookups[a] = {weak, {}};
  ++counted.lookups;
  out.push_back(engine_commands::cache_lookup{action_id{a}, weak});
}

void impl::answer(action_index a, std::optional<std::string_view> row) {
  auto with = std::move(lookups.at(a));
  lookups.erase(a);
  if (row)
    if (auto decoded = decode_cache_row(*row)) with.row = std::move(*decoded);
  for (const auto& hit : with.row.results)
    if (fits_plan(a, hit.set) && strong_of(a, with.weak, hit.set) == hit.strong && use_cached(a, hit)) {
      if (const auto strong = hit.strong; with.row.use(strong, wall_unix_ms))
        rows.push_back({table::action_cache, cache_row_key(with.weak), encode(with.row)});
      return;
    }
  actions[a].phase = action_phase::waiting;
  enqueue(a, std::move(with));
}

/// Whether a stored path set could have come of the present edges: all that scanners find now is in it, and
/// what it names the action may still read. Scanning rules change without the sources changing.
bool impl::fits_plan(action_index a, const path_set& set) const {
  const auto scanned = scanned_set(a);
  if (!std::includes(set.begin(), set.end(), scanned.begin(), scanned.end())) return false;
  const auto inputs = input_artefacts(a);
  return std::all_of(set.begin(), set.end(), [&](const path_set_entry& entry) {
    if (entry.what != path_set_entry::kind::path) return true;
    const auto artefact = nodes.find(entry.text);
    return artefact == no_index || !exists(artefact) ||
           std::binary_search(inputs.begin(), inputs.end(), artefact);
  });
}

bool impl::use_cached(action_index a, const cached_result& hit) {
  revision_number from = 0, to = forever;
  inputs_agree(a, from, to);
  actions[a].phase = action_phase::waiting;
  const auto is_lost = [this](const attempt_output& output) {
    return std::ranges::any_of(output.stored(), [this](const auto& one) { return lost.contains(one.id); });
  };
  if (!lost.empty() && std::ranges::any_of(hit.outputs, is_lost)) return false;
  if (!accept_outputs(a, hit.outputs, from).empty()) return false;
  ++cached;
  const bool narrowed =
      std::none_of(hit.set.begin(), hit.set.end(),
                   [](const auto& entry) { return entry.what == path_set_entry::kind::glob; }) &&
      rule_of(a).tells_inputs();
  actions[a].cost_ns = hit.wall_ns;
  actions[a].sandbox = hit.sandbox;
  accept(a, hit, narrowed, to, false);
  return true;
}

/// Longest chain of learned durations that waits for `a`: it only orders the queue.
std::uint64_t impl::critical_ns(action_index a) {
  const auto before = chains.visited();
  const auto found =
      chains.of(a, [this](action_index one) { return std::max<std::uint64_t>(expected_ns(one), 1'000'000); });
  visit(chains.visited() - before);
  return found;
}

/// What it took the last time; before that, what its transform expects.
std::uint64_t impl::expected_ns(action_index a) const {
  const auto& built_in = rule_of(a).built_in;
  if (actions[a].cost_ns != 0 || !built_in) return actions[a].cost_ns;
  return std::min<std::uint64_t>(nodes.content(nodes.main_input(a)).size, 16 * GiB) *
         built_in->cost_ns_per_byte;
}

void impl::enqueue(action_index a, lookup with) {
  actions[a].phase = action_phase::queued;
  lookups[a] = std::move(with);
  ready.put(a, {actions[a].interactive, critical_ns(a), path(nodes.main_input(a))});
}

void impl::dequeue(action_index a) {
  if (ready.drop(a)) lookups.erase(a);
}

void impl::start_ready() {
  const auto may_start = [&] { return !stopped() && flights.size() < std::max(options.jobs, 1u); };
  if (targets.empty()) {
    while (!ready.empty() && may_start()) start(ready.take());
    return;
  }
  auto todo = startable();
  if (todo.empty() && flights.empty()) choose(), todo = startable();
  for (const auto a : todo) {
    if (!may_start()) return;
    ready.drop(a);
    start(a);
  }
}

void impl::start(action_index a) {
  auto& st = actions[a];
  const auto node = lookups.extract(a);
  flight f;
  f.weak = node.mapped().weak;
  f.row = std::move(node.mapped().row);
  revision_number agreed = forever;
  inputs_agree(a, f.from, agreed);
  f.to = agreed;
  f.started = now;
  f.found = set_of(a);
  std::erase_if(f.found, [](const auto& entry) { return entry.what != path_set_entry::kind::path; });
  if (st.narrowed) f.found = scanned_set(a);
  f.patterns = group_text(a);
  if (st.group != no_index) f.listing = listing_of(st.group);
  ++st.attempts;
  st.phase = action_phase::running;
  st.lagging = false;
  auto spec = spec_of(a);
  f.inputs = spec.inputs;
  flights[{a, st.attempts}] = std::move(f);
  for (const auto output : nodes.outputs(a))
    touch_stamp(output, [&](stage_times& times) { times.scheduled = now; });
  out.push_back(engine_commands::start_attempt{std::move(spec)});
}

/// The entries scanners found: they count whatever a depfile says.
path_set impl::scanned_set(action_index a) const {
  path_set set;
  for (const auto edge : nodes.inputs(a))
    if (!edge.group() && (edge.kind() == edge_kind::scanned || edge.kind() == edge_kind::absent))
      set.push_back({path_set_entry::kind::path, path(edge.index())});
  std::sort(set.begin(), set.end());
  return set;
}

attempt_spec impl::spec_of(action_index a) const {
  const auto main = nodes.main_input(a);
  const auto& recipe = recipes[nodes.rule_of(a)];
  attempt_spec spec{action_id{a},
                    attempt_number{actions[a].attempts},
                    options.epoch,
                    stamp ? stamp->trace : trace_id{},
                    rule_of(a).name,
                    logical(main),
                    {},
                    {},
                    recipe.command,
                    recipe.built_in,
                    recipe.environment,
                    {},
                    weak_of(a)};
  spec.demand = rule_of(a).demand;
  spec.cause = reason_text(actions[a].why);
  if (actions[a].why_artefact != no_index) spec.cause += " " + path(actions[a].why_artefact);
  for (const auto input : input_artefacts(a)) {
    const auto found = parts_of(input);
    spec.inputs.push_back({logical(input), nodes.content(input), nodes.producer(input) != no_index,
                           found ? *found : std::vector<content_ref>{}});
  }
  std::sort(spec.inputs.begin(), spec.inputs.end(),
            [](const attempt_input& x, const attempt_input& y) { return x.path < y.path; });
  for (const auto& text : rule_of(a).outputs) spec.outputs.push_back(*expand_output(text, logical(main)));
  return spec;
}

/// Takes over what an action made. Returns what is wrong with it, empty where nothing is.
std::string impl::accept_outputs(action_index a, const std::vector<attempt_output>& outputs,
                                 revision_number from) {
  const auto declared = declared_outputs(a);
  GRAPHITE_INVARIANT(declared);  // else it is broken and does not run
  std::vector<std::string> names;
  for (const auto& output : outputs) {
    const auto& name = output.path.str();
    if (!output.parts.empty() && content_of_parts(output.parts, *options.hash) != output.content)
      return "has parts of " + name + " that are not those of its content";
    if (!declared->declares(name)) {
      tell(log_level::warning, name,
           "made by " + path(nodes.main_input(a)) + " but not among the rule's outputs: ignored");
    } else {
      names.push_back(name);
    }
  }
  for (const auto& name : declared->exact())
    if (std::find(names.begin(), names.end(), name) == names.end()) return "did not write " + name;
  if (!declared->wild().empty()) {
    set_outputs(a, names);
    if (actions[a].broken) return problem_of(a);
  }
  for (const auto& output : outputs) {
    const auto artefact = nodes.find(output.path.str());
    if (artefact == no_index || nodes.producer(artefact) != a) continue;
    const bool same = nodes.content(artefact) == output.content;
    const auto ended = value_ends(artefact, from);
    if (!same) about_to_change(artefact);
    value_from[artefact] = std::max(from, 1u);
    if (same) {
      if (ended < from) valid_again(artefact, from);
      continue;
    }
    set_content(artefact, output.content, output.parts);
    content_changed(artefact, value_from[artefact], ended);
  }
  return {};
}

/// The outputs are in place: the action is final, or its value is interim until `to`.
void impl::accept(action_index a, const cached_result& what, bool narrowed, revision_number to,
                  bool overtaken) {
  auto& st = actions[a];
  st.has_result = true;
  st.built = what.strong;
  if (narrowed) {
    std::vector<artefact_index> read;
    for (const auto& entry : what.set) {
      if (entry.what != path_set_entry::kind::path) continue;
      if (const auto artefact = nodes.find(entry.text); artefact != no_index && exists(artefact))
        read.push_back(artefact);
    }
    st.narrowed = true;
    plan_inputs(a, &read);
  } else if (st.narrowed) {
    st.narrowed = false;
    plan_inputs(a, nullptr);
  }
  if (overtaken) {
    st.phase = action_phase::waiting;
    make_interim(a, to);
    return want_evaluation(a);
  }
  st.changed = false;
  history(a);
  st.phase = action_phase::waiting;
  // An input's action may have failed while the attempt ran.
  if (auto text = failed_input(a); !text.empty()) return settle(a, action_phase::failed, std::move(text));
  if (st.loose == 0) return settle(a, action_phase::clean, {});
  make_interim(a, to);
  want_evaluation(a);
}

/// What the attempt found, under the keys its inputs had when it started.
cached_result impl::result_of(action_index a, const flight& f, const attempt_result& what) const {
  cached_result one;
  std::map<std::string, digest> had;
  for (const auto& input : f.inputs) had[input.path.str()] = input.content.id;
  const auto main = path(nodes.main_input(a));
  one.set = f.found;
  if (what.discovered) {
    for (const auto& read : *what.discovered)
      if (read.str() != main && had.count(read.str()) != 0)
        one.set.push_back({path_set_entry::kind::path, read.str()});
  }
  if (!f.patterns.empty())
    one.set.push_back(
        {what.discovered ? path_set_entry::kind::names : path_set_entry::kind::glob, f.patterns});
  std::sort(one.set.begin(), one.set.end());
  one.set.erase(std::unique(one.set.begin(), one.set.end()), one.set.end());
  std::vector<digest> values;
  for (const auto& entry : one.set) {
    if (entry.what == path_set_entry::kind::glob) {
      values.push_back(f.listing);
    } else if (entry.what == path_set_entry::kind::names) {
      values.push_back(names_digest(*options.hash, namesakes(f.inputs, one.set)));
    } else {
      const auto at = had.find(entry.text);
      values.push_back(at == had.end() ? digest{} : at->second);
    }
  }
  one.strong = strong_key(*options.hash, f.weak, one.set, values);
  one.outputs = what.outputs;
  one.wall_ns = static_cast<std::uint64_t>(std::max<std::int64_t>(what.wall.count(), 0));
  one.cpu_ns = static_cast<std::uint64_t>(std::max<std::int64_t>(what.cpu.count(), 0));
  one.used_unix_ms = wall_unix_ms;
  one.sandbox = what.sandbox;
  one.provenance = provenance_of(a);
  return one;
}

void impl::end_attempt(const attempt_result& what) {
  const auto a = what.action.value;
  const auto found = flights.find({a, what.attempt.value});
  if (found == flights.end()) return;
  auto f = std::move(found->second);
  flights.erase(found);
  const bool mine = f.wanted && nodes.live(a) && actions[a].phase == action_phase::running;
  if (!mine) return;
  actions[a].phase = action_phase::waiting;
  actions[a].lagging = false;
  switch (what.status) {
    case attempt_status::succeeded:
      return attempt_succeeded(a, f, what);
    case attempt_status::refused:
      return refuse_attempt(a, what);
    case attempt_status::cancelled:
      return want_again(a);
    case attempt_status::lost_input:
      return lose_inputs(a, f, what);
    case attempt_status::stale_input:
    case attempt_status::failed:
      break;
  }
  if (f.overtaken_at != time_point{}) return want_again(a);
  // The watcher will tell of the new bytes; should it not, the back-off looks again.
  if (what.status == attempt_status::stale_input) return back_off(a);
  fail_attempt(a, what);
}

/// What was made is made again first, and this after it. A source that is nowhere is waited for, as for all
/// that our side lacks: its store may come back.
void impl::lose_inputs(action_index a, const flight& f, const attempt_result& what) {
  const std::set<digest> gone(what.lost.begin(), what.lost.end());
  std::string missing;
  bool made = false;
  for (const auto& input : f.inputs)
    for (const auto& content : stored_contents(input.content, input.parts)) {
      if (!gone.contains(content.id)) continue;
      made = made || input.generated;
      if (!input.generated) missing = input.path.str();
      if (input.generated && lost.size() < lost_max) lost.insert(content.id);
    }
  if (missing.empty() && made) {
    contents_lost([this](const digest& content) { return !lost.contains(content); });
    return want_again(a);
  }
  auto why = what;
  if (!missing.empty()) why.message = "the source " + missing + " is missing: no store has its bytes";
  refuse_attempt(a, why);
}

void impl::want_again(action_index a) {
  actions[a].changed = true;
  want_evaluation(a);
}

void impl::fail_attempt(action_index a, const attempt_result& what) {
  auto text = what.message.empty() ? std::string("failed") : what.message;
  if (!what.log.empty() && text.find(what.log) == std::string::npos) text += "\n" + what.log;
  // Both begin with the path of the input; one that names a line of it stays.
  const auto about = path(nodes.main_input(a)) + ": ";
  const auto why = text.starts_with(about) ? text.substr(about.size()) : text;
  tell(log_level::error, path(nodes.main_input(a)), "rule " + rule_of(a).name + ": " + why);
  settle(a, action_phase::failed, std::move(text));
}

void impl::attempt_succeeded(action_index a, flight& f, const attempt_result& what) {
  auto& st = actions[a];
  ++ran;
  st.cost_ns = static_cast<std::uint64_t>(std::max<std::int64_t>(what.wall.count(), 0));
  st.sandbox = what.sandbox;
  backoffs.succeeded(a);
  for (const auto& output : what.outputs)
    for (const auto& content : output.stored()) lost.erase(content.id);
  const auto one = result_of(a, f, what);
  f.row.add(one);
  rows.push_back({table::action_cache, cache_row_key(f.weak), encode(f.row)});
  const bool overtaken = f.overtaken_at != time_point{};
  revision_number now_from = 0, to = forever;
  inputs_agree(a, now_from, to);
  to = std::min(to, f.to);
  if (overtaken && f.from > to) return want_again(a);
  if (overtaken) st.stale_since = f.overtaken_at;
  const auto from = overtaken ? f.from : std::max(f.from, now_from);
  if (auto problem = accept_outputs(a, what.outputs, from); !problem.empty()) {
    tell(log_level::error, path(nodes.main_input(a)), problem);
    return settle(a, action_phase::failed, std::move(problem));
  }
  // Of a built-in transform these are warnings; a command says there whatever it likes.
  if (rule_of(a).built_in && !what.log.empty())
    tell(log_level::warning, path(nodes.main_input(a)), "rule " + rule_of(a).name + ": " + what.log);
  for (const auto output : nodes.outputs(a))
    touch_stamp(output, [&](stage_times& times) { times.built = now; });
  accept(a, one, what.discovered.has_value(), to, overtaken);
}

/// Our own side failed: it is told when it begins, and when it goes on for long.
void impl::refuse_attempt(action_index a, const attempt_result& what) {
  const bool first = !backoffs.has_waited(a);
  const bool long_before = backoffs.has_waited_longer(a, options.refused_patience);
  back_off(a);
  const auto text = "rule " + rule_of(a).name + ": " + what.message;
  if (first) tell(log_level::warning, path(nodes.main_input(a)), text + "; it is tried again");
  if (!long_before && backoffs.has_waited_longer(a, options.refused_patience))
    tell(log_level::error, path(nodes.main_input(a)), text + "; it goes on being tried");
}

void impl::back_off(action_index a) {
  actions[a].phase = action_phase::backoff;
  actions[a].changed = true;
  backoffs.refused(a, now);
}

void impl::wake() {
  for (const auto a : backoffs.take_due(now)) {
    actions[a].phase = action_phase::waiting;
    want_evaluation(a);
  }
}

}  // namespace graphite
