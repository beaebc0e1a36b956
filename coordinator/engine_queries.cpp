#include <algorithm>

#include "coordinator/engine_state.hpp"
#include "core/did_you_mean.hpp"

// Questions about the graph; nothing here changes anything.

namespace graphite {

using impl = engine_impl;

std::string_view impl::phase_text(action_phase phase) {
  switch (phase) {
    case action_phase::clean:
      return "up to date";
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

/// Errors: not_found, with the known name that is most like it.
result<artefact_index> impl::known(const logical_path& wanted_path) const {
  const auto a = nodes.find(wanted_path.str());
  if (a != no_index) return a;
  const auto folder = nodes.paths().find_folder(wanted_path.folder());
  std::vector<std::string_view> beside;
  for (auto other = folder == path_table::none ? path_table::none : nodes.paths().first_in(folder);
       other != path_table::none; other = nodes.paths().next_in(other))
    if (exists(other)) beside.push_back(nodes.paths().name(other));
  const auto best = nearest_word(wanted_path.file_name(), beside);
  const auto below = wanted_path.folder().empty() ? std::string() : std::string(wanted_path.folder()) + "/";
  return fail(errc::not_found,
              "no source or asset " + wanted_path.str() +
                  (best.empty() ? std::string() : ": did you mean " + below + std::string(best) + "?"));
}

/// What `a` is directly made of or refers to.
std::vector<artefact_index> impl::needs(artefact_index a) const {
  std::vector<artefact_index> out;
  const auto by = nodes.producer(a);
  if (by != no_index) out = input_artefacts(by);
  const auto from = by == no_index ? a : refers_by(a);
  if (from == no_index) return out;
  for_references(from, [&](auto one) {
    if (by != no_index && !one.front().at_run()) return;
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
      for (const auto one : nodes.group_users(user.index(), edge_kind::glob)) made_by(one.index());
    }
  }
  for (const auto referrer : references.referrers(a))
    if (has_source(referrer)) {
      out.push_back(referrer);
      for_showing(referrer, [&](artefact_index shown_for) { out.push_back(shown_for); });
    }
  return out;
}

std::string impl::state_text(artefact_index a) const {
  if (const auto by = nodes.producer(a); by != no_index && actions[by].phase != action_phase::clean)
    return std::string(phase_text(actions[by].phase));
  if (dirty.count(a) == 0) return "up to date";
  if (wanted(a).is == wanted_asset::state::failed) return "failed";
  const auto what = waits_for(a);
  return "held back: " + (what.empty() ? "waits for what is shown with it" : what);
}

std::string_view impl::kind_text(artefact_index a) const {
  if (nodes.producer(a) != no_index) return "generated";
  if (!has_source(a)) return "missing";
  return is_asset(a) ? "copy" : "source";
}

/// Everything that `step` leads to from `start`, without `start`.
template <class Step>
static reachable_paths reachable(const engine_impl& impl, artefact_index start, std::uint64_t bytes_max,
                                 Step step) {
  std::vector<bool> seen(impl.flags.size(), false);
  seen[start] = true;
  std::deque<artefact_index> open{start};
  std::uint64_t bytes = 0;
  reachable_paths out;
  while (!open.empty()) {
    const auto at = open.front();
    open.pop_front();
    if (at != start) {
      auto text = impl.path(at);
      bytes += text.size() + reachable_paths::path_bytes;
      if (bytes <= bytes_max)
        out.paths.push_back(std::move(text));
      else
        ++out.left_out;
    }
    for (const auto next : step(at)) {
      if (!seen[next]) open.push_back(next);
      seen[next] = true;
    }
  }
  std::sort(out.paths.begin(), out.paths.end());
  return out;
}

result<reachable_paths> build_engine::rdeps(const logical_path& path, std::uint64_t bytes_max) const {
  GRAPHITE_TRY(const auto start, impl_->known(path));
  return reachable(*impl_, start, bytes_max, [this](artefact_index at) { return impl_->needed_by(at); });
}

result<reachable_paths> build_engine::deps(const logical_path& path, std::uint64_t bytes_max) const {
  GRAPHITE_TRY(const auto start, impl_->known(path));
  return reachable(*impl_, start, bytes_max, [this](artefact_index at) { return impl_->needs(at); });
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
  for (const auto a : impl_->ready.in_order()) add(a, true);
  for (action_index a = 0; a < impl_->actions.size(); ++a)
    if (impl_->nodes.live(a) && !impl_->actions[a].final())
      add(a, impl_->actions[a].phase != action_phase::waiting);
  return out;
}

behind_list build_engine::behind() const { return impl_->behind(); }

std::optional<std::string> build_engine::main_input_of(const logical_path& path) const {
  const auto found = impl_->known(path);
  const auto by = found ? impl_->nodes.producer(*found) : no_index;
  return by == no_index ? std::nullopt : std::optional(impl_->path(impl_->nodes.main_input(by)));
}

std::vector<digest> build_engine::held_contents() const {
  std::vector<digest> out;
  const auto add = [&](artefact_index a) {
    for (const auto& content : impl_->stored_of(a))
      if (!content.id.is_zero()) out.push_back(content.id);
  };
  for (const auto& [artefact, shown] : impl_->dirty) add(artefact);
  // The row of such an action waits until its former outputs are no longer shown.
  for (const auto main : impl_->orphans.mains())
    if (const auto action = impl_->main_action[main]; action != no_index)
      for (const auto output : impl_->nodes.outputs(action)) add(output);
  return out;
}

publication build_engine::shown() const {
  publication out;
  out.revision = impl_->last_revision;
  out.complete = true;
  out.behind = impl_->behind();
  for (artefact_index a = 0; a < impl_->flags.size(); ++a) {
    if ((impl_->flags[a] & impl::listed) == 0) continue;
    const auto held = impl_->dirty.find(a);
    const bool as_it_is = held == impl_->dirty.end();
    const auto& content = as_it_is ? impl_->nodes.content(a) : held->second.content;
    if (content == content_ref{}) {
      out.uncertain.push_back(impl_->logical(a));
      continue;
    }
    const auto refers_to = as_it_is ? impl_->shown_references(a) : held->second.references;
    const auto parts = as_it_is ? impl_->parts_of(a) : held->second.parts;
    out.changes.upserts.push_back(impl_->record_of(a, content, parts, refers_to));
  }
  std::ranges::sort(out.changes.upserts, {}, &asset_record::path);
  std::ranges::sort(out.uncertain);
  return out;
}

std::uint64_t build_engine::behind_count(const std::function<bool(std::string_view)>& wanted) const {
  std::uint64_t out = 0;
  for (const auto& [path, why] : impl_->unread) out += wanted(path) ? 1 : 0;
  for (const auto& [a, held] : impl_->dirty) out += wanted(impl_->path(a)) ? 1 : 0;
  return out;
}

engine_status build_engine::status() const {
  engine_status s;
  s.sources = impl_->source_count;
  s.artefacts = impl_->flags.size();
  s.actions = impl_->nodes.action_count();
  s.assets = impl_->asset_count;
  s.stale = impl_->stale_count;
  s.queued = impl_->stopped() ? 0 : impl_->startable_count();
  s.running = impl_->flights.size();
  const auto given_up = impl_->backoffs.waiting_longer(impl_->options.refused_patience);
  s.retried = impl_->backoffs.waiting() - given_up;
  s.failed = impl_->failures.size() + impl_->failed_assets.size() + impl_->unread.size() + given_up;
  s.behind = impl_->behind_count();
  s.revision = impl_->last_revision;
  return s;
}

engine_counters build_engine::counters() const {
  auto all = impl_->counted;
  all.nodes_visited += impl_->components.visited();
  return all;
}

std::vector<std::string> build_engine::sources_not_stored(
    const std::function<bool(const digest&)>& stored) const {
  std::vector<std::string> out;
  for (artefact_index a = 0; a < impl_->flags.size(); ++a) {
    if ((impl_->flags[a] & impl::source) == 0) continue;
    const auto& content = impl_->nodes.content(a);
    if (content.size > 0 && !stored(content.id)) out.push_back(impl_->path(a));
  }
  return out;
}

known_sources build_engine::sources() const {
  known_sources out;
  const auto& paths = impl_->nodes.paths();
  for (std::uint32_t folder = 0; folder < paths.folder_count(); ++folder) {
    std::vector<known_sources::file> files;
    files.reserve(paths.count_in(folder));
    for (auto a = paths.first_in(folder); a != path_table::none; a = paths.next_in(a))
      if ((impl_->flags[a] & impl::source) != 0)
        files.push_back({std::string(paths.name(a)), impl_->signatures[a]});
    out.put_folder(paths.folder_text(folder), std::move(files));
  }
  return out;
}

}  // namespace graphite
