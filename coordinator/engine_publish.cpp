#include <algorithm>

#include "coordinator/engine_state.hpp"

// Which assets changed, which of them must be shown together, and when.

namespace graphite {

using impl = engine_impl;

/// Of smaller components all members are looked at each time; what is in the way of larger ones is
/// remembered.
static constexpr std::size_t obstacle_members_min = 8;

/// Notes what is shown of `a`; call before what it should show changes.
void impl::mark_dirty(artefact_index a) {
  if (loading) return;
  visit();
  const auto [at, fresh] = dirty.try_emplace(a);
  note_touched(a);
  if (in_apply || fresh) at->second.stamp = stamp;
  if (!fresh) return;
  auto& d = at->second;
  d.shown = (flags[a] & listed) != 0;
  if (d.shown) {
    d.content = nodes.content(a);
    d.parts = parts_of(a);
    d.refers = !shown_references(a).empty();
    note_shown(a, shown_references(a));
  }
  unjoined.push_back(a);
}

/// Finds out which of the newly changed assets belong together: needed only where something is held back.
void impl::join_new() {
  for (const auto a : std::exchange(unjoined, {}))
    if (dirty.count(a) != 0) components.add(a);
}

/// Whether nothing reaches both a newly changed asset and one that is held back. Looks down from what is
/// held, so that the many referrers of a hub are not climbed for it; false where that is much.
bool impl::new_are_apart() {
  constexpr std::size_t looked_at_max = 1'000;
  const auto& held = components.marks();
  if (held.empty()) return true;
  if (held.size() > looked_at_max) return false;
  std::set<artefact_index> below;
  std::vector<artefact_index> open;
  for (const auto& [marked, which] : held) open.push_back(marked);
  while (!open.empty()) {
    const auto at = open.back();
    open.pop_back();
    if (!below.insert(at).second) continue;
    visit();
    const auto now_meant = shown_references(at);
    open.insert(open.end(), now_meant.begin(), now_meant.end());
    if (const auto d = dirty.find(at); d != dirty.end())
      open.insert(open.end(), d->second.references.begin(), d->second.references.end());
    if (open.size() + below.size() > looked_at_max) return false;
  }
  return std::none_of(unjoined.begin(), unjoined.end(), [&](artefact_index a) {
    if (below.count(a) != 0) return true;
    const auto means_now = shown_references(a);
    return std::any_of(means_now.begin(), means_now.end(),
                       [&](artefact_index t) { return held.count(t) != 0; });
  });
}

/// What `of` should show; nothing where one of them has no final value.
std::optional<std::vector<wanted_asset>> impl::final_values(const std::vector<artefact_index>& of) const {
  std::vector<wanted_asset> values;
  for (const auto a : of) {
    values.push_back(wanted(a));
    const auto is = values.back().is;
    if (is == wanted_asset::state::building || is == wanted_asset::state::failed ||
        values.back().to != forever)
      return std::nullopt;
  }
  return values;
}

/// The common case: every newly changed asset has its final value and hangs together with nothing that is
/// held back, so all of them are shown and nothing has to be joined.
bool impl::show_at_once(publication& into) {
  if (unjoined.empty()) return false;
  std::erase_if(unjoined, [&](artefact_index a) { return dirty.count(a) == 0; });
  if (options.mode == engine_options::publishing::all_or_nothing && unjoined.size() != dirty.size())
    return false;
  visit(unjoined.size());
  const auto values = final_values(unjoined);
  if (!values || !new_are_apart()) return false;
  const auto all = std::exchange(unjoined, {});
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (has_source(all[i])) warn_missing(all[i]);
    failed_assets.erase(all[i]);
    show(all[i], (*values)[i], into);
    forget_dirty(all[i]);
    touched.erase(all[i]);
  }
  return touched.empty() && to_check.empty();
}

void impl::touch_stamp(artefact_index a, const std::function<void(stage_times&)>& change) {
  const auto found = dirty.find(a);
  if (found == dirty.end() || !found->second.stamp) return;
  auto copy = std::make_shared<revision_stamp>(*found->second.stamp);
  change(copy->times);
  found->second.stamp = std::move(copy);
}

/// Replaces what the shown record of a dirty asset refers to, and the way back.
void impl::note_shown(artefact_index a, std::vector<artefact_index> now_shown) {
  auto& d = dirty.at(a);
  for (const auto target : d.references) {
    auto [first, last] = old_parents.equal_range(target);
    while (first != last && first->second != a) ++first;
    if (first != last) old_parents.erase(first);
  }
  d.references = std::move(now_shown);
  for (const auto target : d.references) old_parents.emplace(target, a);
}

void impl::forget_dirty(artefact_index a) {
  note_shown(a, {});
  dirty.erase(a);
  if (const auto main = orphans.remove(a); main != no_index) save_results.insert(main);
  if (const auto by = nodes.producer(a); by != no_index) {
    save_results.insert(nodes.main_input(by));
  } else {
    save_sources.insert(a);  // also of one that is gone
  }
}

static std::string missing_text(const std::string& target) {
  return "needs " + target + ", which does not exist";
}

void impl::add_references(artefact_index a, wanted_asset& w) const {
  w.references = shown_references(a);
  if (w.references.size() <= asset_record::references_max) return;
  w.is = wanted_asset::state::failed;
  w.message = "refers to " + std::to_string(w.references.size()) + " assets: at most 4096 are allowed";
}

wanted_asset impl::wanted(artefact_index a) const {
  using state = wanted_asset::state;
  wanted_asset w;
  w.from = value_from[a];
  if (!is_asset(a)) return w;
  w.is = state::ready;
  w.content = nodes.content(a);
  w.parts = parts_of(a);
  const auto by = nodes.producer(a);
  if (by != no_index) {
    const auto& st = actions[by];
    if (st.phase == action_phase::failed) {
      w.is = state::failed;
      const auto text = failures.find(by);
      w.message = text == failures.end() ? "failed" : text->second;
    } else if (!st.usable() || nodes.content(a) == content_ref{}) {
      w.is = state::building;
    } else {
      w.to = st.to;
      // What an overtaken value refers to is not known any more.
      const auto found = dirty.find(a);
      if (w.to != forever && (!shown_references(a).empty() || (found != dirty.end() && found->second.refers)))
        w.is = state::building;
      else
        add_references(a, w);
    }
    return w;
  }
  if ((flags[a] & unreadable) != 0) {
    w.is = state::failed;
    w.message = unread.at(path(a));
    return w;
  }
  if ((flags[a] & being_written) != 0) {
    w.is = state::building;
    return w;
  }
  for_references(a, [&](auto one) {
    if (resolve(one) != no_index || !one.front().required()) return;
    w.is = state::failed;
    w.message = missing_text(path(one.front().index()));
  });
  if (w.is == state::ready) add_references(a, w);
  return w;
}

bool impl::same_as_shown(const dirty_asset& d, const wanted_asset& w) const {
  if (w.is == wanted_asset::state::gone) return !d.shown;
  return w.is == wanted_asset::state::ready && d.shown && d.content == w.content &&
         d.references == w.references;
}

/// What is wrong with a source is told when it is found out.
void impl::tell_source(artefact_index a, const wanted_asset& w) {
  if (has_source(a)) {
    warn_missing(a);
    const bool unread_itself = (flags[a] & unreadable) != 0;  // counted and told as that
    if (w.is == wanted_asset::state::failed && !unread_itself && failed_assets.insert(a).second)
      tell(log_level::error, path(a), w.message);
  }
  if (w.is != wanted_asset::state::failed) failed_assets.erase(a);
}

/// While nothing can be shown, what changed is looked at once in the end: only sources at once, for what is
/// told.
void impl::put_off_touched() {
  for (const auto a : touched_sources.take())
    if (dirty.count(a) != 0) visit(), tell_source(a, wanted(a));
}

/// Looks at every asset that may have changed: those that show what they should are done.
void impl::refresh_touched() {
  (void)touched_sources.take();
  join_new();
  for (const auto a : touched.take()) {
    const auto found = dirty.find(a);
    if (found == dirty.end()) continue;
    visit();
    const auto w = wanted(a);
    for (const auto target : w.references) components.joined(a, target);
    tell_source(a, w);
    // What it meant between the shown record and now may have joined it to more than either does.
    if (nodes.producer(a) == no_index || found->second.refers) components.loosen(a);
    const auto which = components.of(a);
    if (w.to == forever && same_as_shown(found->second, w)) {
      components.remove(a, w.from);
      forget_dirty(a);
    }
    to_check.insert(which);
  }
  for (const auto member : components.rebuild_loose(settled())) to_check.insert(components.of(member));
}

/// True where all members have values that are valid together and one of them is new.
bool impl::may_publish(component_set::component which, std::vector<wanted_asset>& values) const {
  revision_number from = components.since(which), to = forever;
  bool news = false;
  for (const auto a : components.members(which)) {
    auto w = wanted(a);
    if (w.is == wanted_asset::state::building || w.is == wanted_asset::state::failed) return false;
    from = std::max(from, w.from);
    to = std::min(to, w.to);
    news = news || !same_as_shown(dirty.at(a), w);
    values.push_back(std::move(w));
  }
  return news && (to == forever || from <= to);
}

asset_record impl::record_of(artefact_index a, const content_ref& content, const part_list& its_parts,
                             const std::vector<artefact_index>& refers_to) const {
  asset_record record{logical(a), {}, {}};
  const auto all = its_parts ? std::span<const content_ref>(*its_parts) : std::span(&content, 1);
  for (const auto& part : all) record.parts.push_back({part, part_codec::raw, {}});
  for (const auto target : refers_to) record.references.push_back(id_of_path_text(path(target)));
  std::sort(record.references.begin(), record.references.end());
  return record;
}

/// A publication has the trace and times of the newest revision that it shows something of; of assets that
/// came with it together each stage's last.
void impl::stamp_publication(const revision_stamp& one, publication& into) {
  if (one.revision < shown_of) return;
  if (one.revision > shown_of) into.times = {};
  shown_of = one.revision;
  into.trace = one.trace;
  for (const auto stage : {&stage_times::edited, &stage_times::noticed, &stage_times::hashed,
                           &stage_times::invalidated, &stage_times::scheduled, &stage_times::built})
    into.times.*stage = std::max(into.times.*stage, one.times.*stage);
}

void impl::show(artefact_index a, const wanted_asset& value, publication& into) {
  const auto& d = dirty.at(a);
  if (d.stamp) stamp_publication(*d.stamp, into);
  if (!same_as_shown(d, value)) {
    if (value.is == wanted_asset::state::gone) {
      into.changes.removals.push_back(logical(a));
    } else {
      into.changes.upserts.push_back(record_of(a, value.content, value.parts, value.references));
    }
  }
  if (value.is == wanted_asset::state::gone) {
    flags[a] &= static_cast<std::uint8_t>(~listed);
  } else {
    flags[a] |= listed;
  }
}

/// Whether the component's last known obstacle still stands: spares looking at all its members.
bool impl::still_blocked(const std::vector<artefact_index>& members) const {
  if (members.size() < obstacle_members_min) return false;
  const auto known = obstacle.find(members.front());
  if (known == obstacle.end()) return false;
  const auto found = dirty.find(known->second);
  if (found == dirty.end() || components.of(known->second) != components.of(members.front())) return false;
  const auto is = wanted(known->second).is;
  return is == wanted_asset::state::building || is == wanted_asset::state::failed;
}

void impl::note_obstacle(const std::vector<artefact_index>& members) {
  for (const auto a : members) {
    const auto is = wanted(a).is;
    if (is == wanted_asset::state::building || is == wanted_asset::state::failed) {
      obstacle[members.front()] = a;
      return;
    }
  }
}

std::string impl::waits_for(artefact_index a) const {
  const auto which = components.of(a);
  if (!components.has(which)) return {};
  const auto told = [&](artefact_index one) -> std::string {
    if (dirty.count(one) == 0 || components.of(one) != which) return {};
    const auto is = wanted(one).is;
    if (is == wanted_asset::state::failed) return "waits for " + path(one) + ", which failed";
    return is == wanted_asset::state::building ? "waits for " + path(one) + ", which is being built" : "";
  };
  const auto& members = components.members(which);
  if (const auto known = obstacle.find(members.front()); known != obstacle.end())
    if (auto out = told(known->second); !out.empty()) return out;
  // A larger one has a known obstacle: whoever lists what is behind does not go through all of it.
  if (members.size() >= obstacle_members_min) return {};
  for (const auto one : members)
    if (auto out = told(one); !out.empty()) return out;
  return {};
}

void impl::publish_changed() {
  if (!started) return;
  if (options.dry) return drop_unchanged();
  const bool all_at_once = options.mode == engine_options::publishing::all_or_nothing;
  if (all_at_once && !settled()) return put_off_touched();
  const bool unknown = !unread.empty() || !held_since.empty();  // could not be read, or is being written
  if (all_at_once && !options.keep_going && unknown) return refresh_touched();
  publication what;
  what.revision = last_revision;
  shown_of = {};
  if (!targets.empty() || !show_at_once(what)) {
    refresh_touched();
    if (all_at_once && !options.keep_going && (!failures.empty() || !failed_assets.empty())) return;
    publish_joined(what);
  }
  finish_publication(std::move(what));
}

void impl::publish_joined(publication& what) {
  std::vector<artefact_index> again;
  const auto only = target_components();
  for (const auto which : std::exchange(to_check, {})) {
    if (!components.has(which)) continue;
    if (!targets.empty() && only.count(which) == 0) {
      to_check.insert(which);  // for a run of everything
      continue;
    }
    const auto members = components.members(which);
    visit();
    std::vector<wanted_asset> values;
    if (still_blocked(members)) continue;
    visit(members.size());
    if (!may_publish(which, values)) {
      if (members.size() >= obstacle_members_min) note_obstacle(members);
      continue;
    }
    obstacle.erase(members.front());
    components.erase(which);
    for (std::size_t i = 0; i < members.size(); ++i) {
      show(members[i], values[i], what);
      forget_dirty(members[i]);
      if (values[i].to != forever) again.push_back(members[i]);
    }
  }
  for (const auto a : again) {
    mark_dirty(a);
    save_interim.insert(nodes.main_input(nodes.producer(a)));
  }
}

void impl::finish_publication(publication what) {
  if (what.changes.empty()) return;
  std::sort(what.changes.upserts.begin(), what.changes.upserts.end(),
            [](const asset_record& x, const asset_record& y) { return x.path < y.path; });
  std::sort(what.changes.removals.begin(), what.changes.removals.end());
  what.behind = behind();
  behind_told = what.behind;
  write_rows(&what);
  out.push_back(engine_commands::publish{std::move(what)});
}

static bool same_list(const behind_list& x, const behind_list& y) {
  const auto same = [](const behind_asset& a, const behind_asset& b) {
    return a.path == b.path && a.reason == b.reason && a.message == b.message;
  };
  return x.count == y.count && std::ranges::equal(x.listed, y.listed, same);
}

/// At rest: those who follow a channel learn what is behind, also where nothing else is new.
void impl::tell_behind() {
  const bool whole = options.mode == engine_options::publishing::as_ready || options.keep_going;
  if (options.dry || !whole) return;
  publication what;
  what.revision = last_revision;
  what.behind = behind();
  const bool known =
      behind_told ? same_list(*behind_told, what.behind) : what.behind.count == 0 && !options.shown_behind;
  if (known) return;
  behind_told = what.behind;
  out.push_back(engine_commands::publish{std::move(what)});
}

bool impl::is_dirty(const std::string& path) const {
  const auto a = nodes.find(path);
  return a != no_index && dirty.count(a) != 0;
}

/// What is not shown as it is, and what cannot even be read.
std::uint64_t impl::behind_count() const {
  auto out = dirty.size();
  for (const auto& [path, why] : unread) out += is_dirty(path) ? 0u : 1u;
  return out;
}

behind_list impl::behind() const {
  behind_list list;
  list.count = behind_count();
  for (const auto& [path, why] : unread) {
    if (list.listed.size() == behind_list::listed_max) break;
    if (is_dirty(path)) continue;
    list.listed.push_back({*logical_path::parse(path), behind_asset::why::failed, why});
  }
  for (const auto& [a, d] : dirty) {
    if (list.listed.size() == behind_list::listed_max) break;
    auto w = wanted(a);
    auto why = behind_asset::why::held;
    if (w.is == wanted_asset::state::building || w.to != forever) why = behind_asset::why::building;
    if (w.is == wanted_asset::state::failed) why = behind_asset::why::failed;
    auto message = why == behind_asset::why::held ? waits_for(a) : std::move(w.message);
    list.listed.push_back({logical(a), why, std::move(message)});
  }
  std::sort(list.listed.begin(), list.listed.end(),
            [](const behind_asset& x, const behind_asset& y) { return x.path < y.path; });
  return list;
}

/// The failed actions with good inputs that `a` failed for, itself included.
void impl::add_failed_roots(action_index first, std::set<action_index>& seen,
                            std::set<action_index>& roots) const {
  std::vector<action_index> climbing{first};
  while (!climbing.empty()) {
    const auto a = climbing.back();
    climbing.pop_back();
    if (actions[a].phase != action_phase::failed || actions[a].broken || !seen.insert(a).second) continue;
    if (failed_input(a).empty()) roots.insert(a);
    for (const auto input : input_artefacts(a))
      if (const auto by = nodes.producer(input); by != no_index) climbing.push_back(by);
  }
}

/// An event in the closure of a failed action is a chance: what it needs may be there now. Every source the
/// revision names is an event, also where its content is the same.
void impl::retry_failed(const revision& what) {
  if (failures.empty()) return;
  const auto now_touched = touched.ascending();
  if (options.mode == engine_options::publishing::all_or_nothing && !options.dry) refresh_touched();
  if (!new_are_apart()) join_new();
  std::vector<artefact_index> named;
  for (const auto& change : what.changes)
    if (const auto a = nodes.find(change.path.str()); a != no_index) named.push_back(a);
  std::set<action_index> seen_actions, again;
  for (const auto a : nodes.invalidate(named)) add_failed_roots(a, seen_actions, again);
  visit(nodes.visited());
  std::set<component_set::component> seen;
  const auto look_at = [&](component_set::component which) {
    if (which == component_set::none || !seen.insert(which).second) return;
    for (const auto member : components.members(which))
      if (const auto by = nodes.producer(member); by != no_index) add_failed_roots(by, seen_actions, again);
  };
  for (const auto a : now_touched) look_at(components.of(a));
  const auto& marks = components.marks();
  for (const auto a : named)
    if (const auto mark = marks.find(a); mark != marks.end()) look_at(mark->second);
  for (const auto a : again) stale(a, reason_kind::retry, no_index, revision_now);
}

}  // namespace graphite
