#include <algorithm>

#include "coordinator/engine_state.hpp"

// Questions about the graph; nothing here changes anything.

namespace graphite {

using impl = engine_impl;

namespace {

std::vector<std::string> lines(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    if (end > 0) out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto keep = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({keep, row[j] + 1, row[j - 1] + 1}));
    }
  }
  return row.back();
}

std::string_view phase_text(action_phase phase) {
  switch (phase) {
    case action_phase::clean:
      return "clean";
    case action_phase::failed:
      return "failed";
    case action_phase::waiting:
      return "waits for its inputs";
    case action_phase::looking:
      return "asks the cache";
    case action_phase::queued:
      return "queued";
    case action_phase::running:
      return "running";
    case action_phase::backoff:
      return "refused, will be tried again";
  }
  return "";
}

}  // namespace

/// Errors: not_found, with the known name that is most like it.
result<artefact_index> impl::known(const logical_path& wanted_path) const {
  const auto a = nodes.find(wanted_path.str());
  if (a != no_index) return a;
  std::string best;
  auto least = wanted_path.str().size() / 3 + 2;
  const auto folder = nodes.paths().find_folder(wanted_path.folder());
  for (auto other = folder == path_table::none ? path_table::none : nodes.paths().first_in(folder);
       other != path_table::none; other = nodes.paths().next_in(other)) {
    const auto distance = edit_distance(nodes.paths().name(other), wanted_path.file_name());
    if (exists(other) && distance < least) least = distance, best = path(other);
  }
  return fail(errc::not_found, "no source or asset " + wanted_path.str() +
                                   (best.empty() ? std::string() : ": did you mean " + best + "?"));
}

/// What `a` is directly made of or refers to.
std::vector<artefact_index> impl::needs(artefact_index a) const {
  std::vector<artefact_index> out;
  if (const auto by = nodes.producer(a); by != no_index) return input_artefacts(by);
  for_references(a, [&](auto one) {
    if (const auto target = resolve(one); target != no_index) out.push_back(target);
  });
  return out;
}

std::vector<artefact_index> impl::needed_by(artefact_index a) const {
  std::vector<artefact_index> out;
  const auto made_by = [&](action_index user) {
    const auto outputs = nodes.outputs(user);
    out.insert(out.end(), outputs.begin(), outputs.end());
  };
  for (const auto user : nodes.users(a)) {
    if (user.kind() == edge_kind::absent) continue;
    if (!user.group()) {
      made_by(user.index());
    } else {
      for (const auto one : nodes.group_users(user.index()))
        if (one.kind() == edge_kind::glob) made_by(one.index());
    }
  }
  for (const auto referrer : references.referrers(a))
    if (has_source(referrer)) out.push_back(referrer);
  return out;
}

std::string impl::state_text(artefact_index a) const {
  if (const auto by = nodes.producer(a); by != no_index && actions[by].phase != action_phase::clean)
    return std::string(phase_text(actions[by].phase));
  if (dirty.count(a) == 0) return "clean";
  return wanted(a).is == wanted_asset::state::failed ? "failed"
                                                     : "held back: waits for what is shown with it";
}

/// From `a` back to the source whose change led to its last build.
std::vector<std::string> impl::change_chain(artefact_index a) const {
  std::vector<std::string> chain{path(a)};
  for (int depth = 0; depth < 64; ++depth) {
    const auto by = nodes.producer(a);
    if (by == no_index) break;
    const auto& st = actions[by];
    const auto next = st.why_artefact == no_index ? nodes.main_input(by) : st.why_artefact;
    std::string text(reason_text(st.why));
    chain.push_back(path(next) + " (" + (text.empty() ? "main input" : text.substr(0, text.find(':'))) +
                    ", rule " + rule_of(by).name + ")");
    a = next;
  }
  std::reverse(chain.begin(), chain.end());
  return chain;
}

result<why_report> build_engine::why(const logical_path& path,
                                     std::optional<std::string_view> history_row) const {
  GRAPHITE_TRY(const auto a, impl_->known(path));
  why_report report;
  report.path = path.str();
  const auto by = impl_->nodes.producer(a);
  const bool source = impl_->has_source(a);
  report.kind = by != no_index ? "generated" : !source ? "missing" : impl_->is_asset(a) ? "copy" : "source";
  if (by != no_index) report.rule = impl_->rule_of(by).name;
  if (by == no_index && impl_->rules[a] != no_rule) report.rule = impl_->config.rules[impl_->rules[a]].name;
  report.state = impl_->state_text(a);
  if (by != no_index) {
    if (const auto text = impl_->failures.find(by); text != impl_->failures.end())
      report.message = text->second;
    report.components = lines(impl_->provenance_of(by));
    if (report.components.size() > 64) report.components.resize(64);
  } else if (impl_->dirty.count(a) != 0) {
    report.message = impl_->wanted(a).message;
  }
  if (history_row) report.changes = lines(*history_row);
  report.chain = impl_->change_chain(a);
  return report;
}

std::optional<std::string> build_engine::history_key(const logical_path& path) const {
  const auto a = impl_->nodes.find(path.str());
  if (a == no_index || impl_->nodes.producer(a) == no_index) return std::nullopt;
  return "a" + impl_->path(impl_->nodes.main_input(impl_->nodes.producer(a)));
}

/// Everything that `step` leads to from `start`, ascending, without `start`; at most `limit`.
template <class Step>
static std::vector<std::string> reachable(const engine_impl& impl, artefact_index start, std::size_t limit,
                                          Step step) {
  std::set<artefact_index> seen{start};
  std::deque<artefact_index> open{start};
  std::vector<std::string> out;
  while (!open.empty() && out.size() < limit) {
    const auto at = open.front();
    open.pop_front();
    if (at != start) out.push_back(impl.path(at));
    for (const auto next : step(at))
      if (seen.insert(next).second) open.push_back(next);
  }
  std::sort(out.begin(), out.end());
  return out;
}

result<std::vector<std::string>> build_engine::rdeps(const logical_path& path, std::size_t limit) const {
  GRAPHITE_TRY(const auto start, impl_->known(path));
  return reachable(*impl_, start, limit, [this](artefact_index at) { return impl_->needed_by(at); });
}

result<std::vector<std::string>> build_engine::deps(const logical_path& path, std::size_t limit) const {
  GRAPHITE_TRY(const auto start, impl_->known(path));
  return reachable(*impl_, start, limit, [this](artefact_index at) { return impl_->needs(at); });
}

result<std::vector<std::string>> build_engine::dependency_path(const logical_path& from,
                                                               const logical_path& to) const {
  GRAPHITE_TRY(const auto start, impl_->known(from));
  GRAPHITE_TRY(const auto goal, impl_->known(to));
  std::map<artefact_index, artefact_index> came{{start, start}};
  std::deque<artefact_index> open{start};
  while (!open.empty() && came.count(goal) == 0) {
    const auto at = open.front();
    open.pop_front();
    for (const auto next : impl_->needs(at))
      if (came.emplace(next, at).second) open.push_back(next);
  }
  std::vector<std::string> out;
  if (came.count(goal) == 0) return out;
  for (auto at = goal;; at = came.at(at)) {
    out.push_back(impl_->path(at));
    if (at == start) break;
  }
  std::reverse(out.begin(), out.end());
  return out;
}

std::vector<std::vector<std::string>> build_engine::cycles() const {
  std::set<std::vector<artefact_index>> distinct;
  for (const auto& [a, artefacts] : impl_->cycle_of) distinct.insert(artefacts);
  std::vector<std::vector<std::string>> out;
  for (const auto& cycle : distinct) {
    auto& texts = out.emplace_back();
    for (const auto a : cycle) texts.push_back(impl_->path(a));
  }
  return out;
}

std::vector<dry_run_action> build_engine::dry_run() const {
  std::vector<dry_run_action> out;
  std::set<action_index> listed;
  const auto add = [&](action_index a, bool certain) {
    if (!listed.insert(a).second) return;
    const auto& st = impl_->actions[a];
    std::string reason(impl_->reason_text(st.why));
    if (st.why_artefact != no_index) reason += " " + impl_->path(st.why_artefact);
    out.push_back(
        {impl_->rule_of(a).name, impl_->path(impl_->nodes.main_input(a)), std::move(reason), certain});
  };
  for (const auto& one : impl_->ready) add(std::get<3>(one), true);
  for (action_index a = 0; a < impl_->actions.size(); ++a)
    if (impl_->nodes.live(a) && !impl_->actions[a].final())
      add(a, impl_->actions[a].phase != action_phase::waiting);
  return out;
}

behind_list build_engine::behind() const { return impl_->behind(); }

engine_status build_engine::status() const {
  engine_status s;
  s.sources = impl_->source_count;
  s.artefacts = impl_->flags.size();
  s.actions = impl_->nodes.action_count();
  s.assets = impl_->asset_count;
  s.stale = impl_->stale_count;
  s.queued = impl_->ready.size();
  s.running = impl_->flights.size();
  s.failed = impl_->failures.size() + impl_->failed_assets.size() + impl_->unread.size();
  s.behind = impl_->dirty.size() + impl_->unread.size();
  s.revision = impl_->last_revision;
  return s;
}

const engine_counters& build_engine::counters() const { return impl_->counted; }

std::vector<std::pair<logical_path, source_state>> build_engine::sources() const {
  std::vector<std::pair<logical_path, source_state>> out;
  for (artefact_index a = 0; a < impl_->flags.size(); ++a) {
    if ((impl_->flags[a] & impl::source) == 0) continue;
    source_state state{impl_->nodes.content(a), impl_->signatures[a], {}};
    impl_->for_references(a, [&](auto one) {
      scanned_reference reference;
      reference.required = one.front().required();
      for (const auto candidate : one) reference.candidates.push_back(impl_->logical(candidate.index()));
      state.references.push_back(std::move(reference));
    });
    out.emplace_back(impl_->logical(a), std::move(state));
  }
  return out;
}

}  // namespace graphite
