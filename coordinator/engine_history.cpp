#include <algorithm>

#include "coordinator/engine_state.hpp"

// Why an action ran: its key in words, what is kept of it, and the way back to the source that changed.

namespace graphite {

using impl = engine_impl;

namespace {

constexpr std::size_t listed_members_max = 64;

std::string short_hex(const digest& value) { return to_hex(value).substr(0, 16); }

std::optional<action_history> decoded(const history_rows& rows, const std::string& key) {
  const auto found = rows.find(key);
  if (found == rows.end() || !found->second) return std::nullopt;
  auto row = decode_action_history(*found->second);
  if (!row) return std::nullopt;
  return std::move(*row);
}

}  // namespace

std::string_view impl::reason_text(reason_kind why) {
  switch (why) {
    case reason_kind::none:
      return "";
    case reason_kind::fresh:
      return "never built:";
    case reason_kind::content:
      return "changed:";
    case reason_kind::appeared:
      return "appeared:";
    case reason_kind::vanished:
      return "vanished:";
    case reason_kind::references:
      return "references changed:";
    case reason_kind::outputs:
      return "outputs changed";
    case reason_kind::recipe:
      return "rule, tool or environment changed";
    case reason_kind::retry:
      return "failed before, tried again";
    case reason_kind::lost:
      return "lost, made again:";
  }
  return "";
}

std::string impl::value_text(artefact_index a) const {
  return exists(a) ? short_hex(nodes.content(a).id) : "not there";
}

/// Inputs beside the main one, ascending; of globs with many matches only what the list is worth.
void impl::add_inputs(action_index a, std::vector<key_component>& into) const {
  std::set<std::string> named;
  const auto main = nodes.main_input(a);
  for (const auto edge : nodes.inputs(a)) {
    if (!edge.group()) {
      if (edge.index() != main) named.insert(path(edge.index()));
      continue;
    }
    if (edge.kind() != edge_kind::glob) continue;
    const auto& members = nodes.members(edge.index());
    const auto& group = groups[edge.index()];
    auto patterns = group_text(a);
    std::replace(patterns.begin(), patterns.end(), '\n', ' ');
    into.push_back({"matches of " + patterns.substr(0, patterns.size() - !patterns.empty()),
                    std::to_string(members.size()) + (members.size() == 1 ? " file" : " files") +
                        (group.listed ? ", in all " + short_hex(group.listing) : std::string())});
    if (members.size() <= listed_members_max)
      for (const auto member : members)
        if (member != main) named.insert(path(member));
  }
  for (const auto& name : named) into.push_back({"input " + name, value_text(nodes.find(name))});
}

std::vector<key_component> impl::components_of(action_index a) const {
  std::vector<key_component> out{{"rule", rule_of(a).name}};
  const auto& recipe = recipes[nodes.rule_of(a)].components;
  out.insert(out.end(), recipe.begin(), recipe.end());
  const auto main = nodes.main_input(a);
  out.push_back({"source " + path(main), value_text(main)});
  add_inputs(a, out);
  return out;
}

/// What a copy is: its bytes and what it refers to.
std::vector<key_component> impl::content_components(artefact_index a) const {
  std::vector<key_component> out;
  if (!has_source(a)) return out;
  out.push_back({"content", to_hex(nodes.content(a).id)});
  out.push_back({"bytes", std::to_string(nodes.content(a).size)});
  for_references(a, [&](auto one) {
    if (out.size() >= why_report::components_max) return;
    const auto target = resolve(one);
    const auto first = path(one.front().index());
    if (target == no_index) out.push_back({"refers to " + first, "not there"});
    if (target != no_index) out.push_back({"refers to " + path(target), value_text(target)});
  });
  return out;
}

/// The row that tells of the key just built.
void impl::history(action_index a) {
  const auto& st = actions[a];
  action_history row;
  row.reason = reason_text(st.why);
  if (!row.reason.empty() && row.reason.back() == ':') row.reason.pop_back();
  if (st.why_artefact != no_index) row.cause = path(st.why_artefact);
  row.revision = last_revision.value;
  row.strong = st.built;
  row.components = components_of(a);
  row.sandbox = st.sandbox;
  fit_components(*options.hash, row);
  rows.push_back({table::history, history_key_of(a), encode(row)});
}

std::string impl::provenance_of(action_index a) const {
  return as_lines(components_of(a), cache_row::provenance_bytes_max);
}

/// The file that a row of `a` names as its cause. A shortened name can only be that of an input of now.
artefact_index impl::cause_of(action_index a, const std::string& cause) const {
  if (const auto whole = nodes.find(cause); whole != no_index) return whole;
  if (cause.size() + 3 < action_history::cause_bytes_max) return no_index;
  auto inputs = input_artefacts(a);
  inputs.push_back(nodes.main_input(a));
  const auto found = std::find_if(inputs.begin(), inputs.end(), [&](artefact_index one) {
    return shortened(*options.hash, path(one), action_history::cause_bytes_max) == cause;
  });
  return found == inputs.end() ? no_index : *found;
}

/// What led to the run of `a`: of a stale action the graph knows, else the row tells.
impl::step_back impl::last_step(action_index a, const history_rows& stored) const {
  const auto& st = actions[a];
  const auto main = nodes.main_input(a);
  if (st.phase == action_phase::clean) {
    if (const auto row = decoded(stored, history_key_of(a))) {
      if (row->cause.empty()) return {main, path(main), row->reason};
      const auto cause = cause_of(a, row->cause);
      return {cause, cause == no_index ? row->cause : path(cause), row->reason};
    }
    if (st.why == reason_kind::fresh) return {main, path(main), {}};
  }
  std::string reason(reason_text(st.why));
  if (!reason.empty() && reason.back() == ':') reason.pop_back();
  const auto cause = st.why_artefact == no_index ? main : st.why_artefact;
  return {cause, path(cause), std::move(reason)};
}

/// From the source whose change led to the last build down to `a`.
std::vector<std::string> impl::change_chain(artefact_index a, const history_rows& stored) const {
  std::vector<std::string> chain{path(a)};
  std::set<artefact_index> seen;
  for (int depth = 0; depth < build_engine::chain_max && a != no_index && seen.insert(a).second; ++depth) {
    const auto by = nodes.producer(a);
    if (by == no_index) break;
    const auto step = last_step(by, stored);
    chain.push_back(step.path + " (" + (step.reason.empty() ? "main input" : step.reason) + ", rule " +
                    rule_of(by).name + ")");
    a = step.file;
  }
  std::reverse(chain.begin(), chain.end());
  return chain;
}

std::optional<std::string> build_engine::wanted_history(const logical_path& path,
                                                        const history_rows& have) const {
  auto a = impl_->nodes.find(path.str());
  for (int depth = 0; depth < chain_max && a != no_index; ++depth) {
    const auto by = impl_->nodes.producer(a);
    if (by == no_index) return std::nullopt;
    auto key = impl_->history_key_of(by);
    if (have.count(key) == 0) return key;
    const auto next = impl_->last_step(by, have).file;
    if (next == a) return std::nullopt;
    a = next;
  }
  return std::nullopt;
}

/// The key as it is now, and what it differs in from the one before.
void impl::tell_key(action_index a, const history_rows& stored, why_report& into) {
  if (actions[a].group != no_index) listing_of(actions[a].group);
  into.weak = weak_of(a);
  if (actions[a].has_result) into.strong = actions[a].built;
  const auto step = last_step(a, stored);
  into.reason = step.reason.empty() ? std::string() : step.reason + ": " + step.path;
  action_history now;
  now.components = components_of(a);
  into.components = now.components;
  into.components.resize(std::min(into.components.size(), why_report::components_max));
  const auto row = decoded(stored, history_key_of(a));
  if (!row) return;
  if (actions[a].phase == action_phase::clean) {
    into.changed = row->changed;
    into.changed_left_out = row->changed_left_out;
    if (rule_of(a).transform == "command") into.sandbox = row->sandbox;
    return;
  }
  fit_components(*options.hash, now);
  into.changed = differences(row->components, row->partial, now.components, now.partial);
}

result<why_report> build_engine::why(const logical_path& path, const history_rows& stored) const {
  GRAPHITE_TRY(const auto a, impl_->known(path));
  why_report report;
  report.path = path.str();
  const auto by = impl_->nodes.producer(a);
  report.kind = impl_->kind_text(a);
  if (by != no_index) report.rule = impl_->rule_of(by).name;
  if (by == no_index && impl_->rules[a] != no_rule) report.rule = impl_->config.rules[impl_->rules[a]].name;
  report.state = impl_->state_text(a);
  if (const auto unread = impl_->unread.find(path.str()); unread != impl_->unread.end())
    report.state = "could not be read", report.message = unread->second;
  if (by != no_index) {
    if (const auto text = impl_->failures.find(by); text != impl_->failures.end())
      report.message = text->second;
    impl_->tell_key(by, stored, report);
  } else {
    if (impl_->dirty.count(a) != 0) report.message = impl_->wanted(a).message;
    report.components = impl_->content_components(a);
  }
  report.chain = impl_->change_chain(a, stored);
  return report;
}

}  // namespace graphite
