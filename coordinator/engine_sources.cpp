#include <algorithm>

#include "coordinator/engine_state.hpp"

// What exists: sources come, change and go; everything that hangs on a path's existence learns of it.

namespace graphite {

using impl = engine_impl;

artefact_index impl::intern(std::string_view text, std::uint64_t hash) {
  const auto made = nodes.intern(text, hash);
  if (!made) {
    tell(log_level::error, std::string(text), made.error().context);
    return no_index;
  }
  if (*made == flags.size()) {
    flags.push_back(0);
    signatures.emplace_back();
    value_from.push_back(0);
    rules.push_back(no_rule);
    main_action.push_back(no_index);
    references.resize(flags.size());
  }
  return *made;
}

bool impl::is_asset(artefact_index a) const {
  if (!exists(a) || main_action[a] != no_index) return false;
  if (rules[a] != no_rule) return config.rules[rules[a]].publish;
  const auto by = nodes.producer(a);
  return by == no_index || rule_of(by).publish;
}

/// The first rule that takes the path; a rule never takes what was made by itself, however indirectly.
std::uint16_t impl::match_rule(artefact_index a) const {
  const auto text = path(a);
  for (std::size_t i = 0; i < config.rules.size(); ++i) {
    const auto& rule = config.rules[i];
    if (!any_matches(rule.match, text) || any_matches(rule.exclude, text)) continue;
    bool own = false;
    for (auto by = nodes.producer(a); by != no_index && !own; by = nodes.producer(nodes.main_input(by)))
      own = nodes.rule_of(by) == i;
    if (!own) return static_cast<std::uint16_t>(i);
  }
  return no_rule;
}

void impl::change_source(const source_change& change) {
  visit();
  const auto a = change.now ? intern(change.path.str()) : nodes.find(change.path.str());
  if (a != no_index) readable_again(a), release(a);
  unread.erase(change.path.str());
  if (a == no_index) return;
  if (change.now) {
    set_source(a, *change.now);
  } else {
    drop_source(a);
  }
}

void impl::set_source(artefact_index a, const source_state& state) {
  const bool was_there = (flags[a] & source) != 0;
  signatures[a] = state.signature;
  save_sources.insert(a);
  if (!was_there) {
    if (const auto by = nodes.producer(a); by != no_index) {
      // A source takes the name from the action that made it; the action will fail and say so.
      undeclared.push_back(nodes.main_input(by));
      std::vector<artefact_index> others(nodes.outputs(by).begin(), nodes.outputs(by).end());
      std::erase(others, a);
      vanish(a);
      orphan(a, nodes.main_input(by));
      nodes.set_outputs(by, std::move(others));
    }
    resolution_changes(a);
    flags[a] |= source;
    ++source_count;
    ++counted.source_changes;
    set_content(a, state.content);
    value_from[a] = revision_now;
    set_references(a, state.references);
    appear(a);
    return;
  }
  if (nodes.content(a) != state.content) {
    ++counted.source_changes;
    about_to_change(a);
    set_content(a, state.content);
    value_from[a] = revision_now;
    content_changed(a, revision_now, revision_now);
  }
  set_references(a, state.references);
}

void impl::drop_source(artefact_index a) {
  if ((flags[a] & source) == 0) return;
  readable_again(a);
  if (!unread.empty()) unread.erase(path(a));
  save_sources.insert(a);
  if (has_source(a)) vanish(a);
  flags[a] &= static_cast<std::uint8_t>(~source);
  --source_count;
  ++counted.source_changes;
  value_from[a] = revision_now;
  set_content(a, {});
  references.set(a, {});
  forget_warnings(a);
  for (const auto by : claims.of(a)) undeclared.push_back(nodes.main_input(by));
}

void impl::set_references(artefact_index a, const std::vector<scanned_reference>& found) {
  std::vector<reference_table::candidate> now_found;
  for (const auto& one : found) {
    bool first = true;
    for (const auto& candidate : one.candidates) {
      const auto target = intern(candidate.str());
      if (target == no_index) continue;
      now_found.push_back(reference_table::candidate::make(target, first, one.required, one.at_run));
      first = false;
    }
  }
  const auto old = references.candidates(a);
  if (std::equal(old.begin(), old.end(), now_found.begin(), now_found.end())) return;
  about_to_change(a);
  const auto at_run = [](const auto one) { return one.at_run(); };
  if (names_run_references(a) || std::ranges::any_of(now_found, at_run)) outputs_refer_anew(a);
  references.set(a, now_found);
  value_from[a] = revision_now;
  forget_warnings(a);
  shape_changed(a);
}

/// `a` exists from now on.
void impl::appear(artefact_index a) {
  if (!loading || (flags[a] & rule_known) == 0) rules[a] = match_rule(a);
  flags[a] &= static_cast<std::uint8_t>(~rule_known);
  if (rules[a] != no_rule && config.rules[rules[a]].makes()) add_action(a);
  if (is_asset(a)) {
    ++asset_count;
    mark_dirty(a);
  }
  join_groups(a);
  if (loading) return;
  const auto users = nodes.users(a);
  for (const auto user : users) {
    if (user.group()) continue;
    replan.insert(user.index());
    stale(user.index(), reason_kind::appeared, a, std::max(value_from[a], 1u));
  }
}

/// First revision, `latest` at most, at which the content of `a` is not known to be right any more.
revision_number impl::value_ends(artefact_index a, revision_number latest) const {
  const auto by = nodes.producer(a);
  if (by == no_index || actions[by].to == forever) return latest;
  return std::min(latest, actions[by].to + 1);
}

/// `a` is about to exist no more.
void impl::vanish(artefact_index a) {
  release(a);
  about_to_change(a);
  resolution_changes(a);
  if (is_asset(a)) --asset_count;
  const auto ended = value_ends(a, revision_now);
  leave_groups(a, ended);
  if (main_action[a] != no_index) drop_action(main_action[a]);
  rules[a] = no_rule;
  const auto users = nodes.users(a);
  for (const auto user : users) {
    if (user.group()) continue;
    replan.insert(user.index());
    stale(user.index(), reason_kind::vanished, a, revision_now, ended);
  }
}

/// `a` has another content, valid from revision `from` on; the former one was not any more from `ended` on.
void impl::content_changed(artefact_index a, revision_number from, revision_number ended) {
  for (const auto user : nodes.users(a)) {
    visit();
    if (user.group()) {
      group_changed(user.index(), reason_kind::content, a, false, from, ended);
    } else {
      stale(user.index(), reason_kind::content, a, from, ended);
    }
  }
}

/// `a` kept its content, but there were revisions before `from` of which nobody knows whether it did:
/// attempts under way make what is valid from there on.
void impl::valid_again(artefact_index a, revision_number from) {
  const auto raise = [&](action_index user) {
    visit();
    if (actions[user].phase != action_phase::running) return;
    auto& f = flights.at({user, actions[user].attempts});
    f.from = std::max(f.from, from);
  };
  for (const auto user : nodes.users(a)) {
    if (!user.group()) {
      raise(user.index());
      continue;
    }
    for (const auto& [attempt, f] : flights)
      if (const auto by = attempt.first; nodes.live(by) && actions[by].group == user.index()) raise(by);
  }
}

/// What `a` refers to changed: whoever builds from it may have other inputs.
void impl::shape_changed(artefact_index a) {
  for (const auto user : nodes.users(a)) {
    if (user.group() || user.kind() == edge_kind::absent) continue;
    replan.insert(user.index());
    stale(user.index(), reason_kind::references, a, revision_now);
  }
}

/// Call before anything of what an asset shows changes.
void impl::about_to_change(artefact_index a) {
  if ((flags[a] & listed) != 0 || is_asset(a)) mark_dirty(a);
}

/// Call before the existence of `a` changes: those that name it may mean something else afterwards.
void impl::resolution_changes(artefact_index a) {
  for (const auto referrer : references.referrers(a)) {
    visit();
    forget_warnings(referrer);
    if (!has_source(referrer)) continue;
    if (names_run_references(referrer)) outputs_refer_anew(referrer);
    if (!is_asset(referrer)) continue;
    mark_dirty(referrer);
    value_from[referrer] = std::max(value_from[referrer], revision_now);
  }
}

/// Call before what the made assets of `main` refer to at run time changes. Whether it can be made at all may
/// change with it.
void impl::outputs_refer_anew(artefact_index main) {
  if (main_action[main] == no_index) return;
  for (const auto output : nodes.outputs(main_action[main])) {
    about_to_change(output);
    if (const auto found = dirty.find(output); found != dirty.end()) found->second.refers = true;
    value_from[output] = std::max(value_from[output], revision_now);
  }
  if (loading) return;
  replan.insert(main_action[main]);
  stale(main_action[main], reason_kind::references, main, revision_now);
}

void impl::set_content(artefact_index a, const content_ref& content,
                       const std::vector<content_ref>& its_parts) {
  nodes.set_content(a, content);
  if (its_parts.empty())
    parts.erase(a);
  else
    parts[a] = std::make_shared<const std::vector<content_ref>>(its_parts);
}

part_list impl::parts_of(artefact_index a) const {
  const auto found = parts.find(a);
  return found == parts.end() ? nullptr : found->second;
}

std::span<const content_ref> impl::stored_of(artefact_index a) const {
  const auto found = parts.find(a);
  return found == parts.end() ? std::span(&nodes.content(a), 1)
                              : std::span<const content_ref>(*found->second);
}

/// A complete scan names every source: what it does not name is gone.
void impl::drop_missing(const revision& what) {
  std::vector<bool> named(flags.size(), false);
  for (const auto& change : what.changes)
    if (const auto a = nodes.find(change.path.str()); a != no_index && a < named.size()) named[a] = true;
  for (const auto& one : what.unread)
    if (const auto a = nodes.find(one.path.str()); a != no_index && a < named.size()) named[a] = true;
  for (const auto& one : what.open)
    if (const auto a = nodes.find(one.str()); a != no_index && a < named.size()) named[a] = true;
  for (artefact_index a = 0; a < named.size(); ++a)
    if ((flags[a] & source) != 0 && !named[a]) drop_source(a);
}

int impl::pending_by(artefact_index a) const {
  const auto by = nodes.producer(a);
  return (by != no_index && !actions[by].usable()) || (flags[a] & being_written) != 0 ? 1 : 0;
}

int impl::loose_by(artefact_index a) const {
  const auto by = nodes.producer(a);
  return (by != no_index && !actions[by].final()) || (flags[a] & being_written) != 0 ? 1 : 0;
}

/// The source keeps its content, which holds no more: it, and what is made of it, fails.
void impl::note_unread(const unread_source& one) {
  unread[one.path.str()] = one.why;
  const auto a = nodes.find(one.path.str());
  if (a == no_index || (flags[a] & source) == 0) return;
  release(a);
  if ((flags[a] & unreadable) != 0) return touch(a);
  about_to_change(a);
  flags[a] |= unreadable;
  held_since[a] = revision_now;
  content_changed(a, revision_now, revision_now);
}

/// Whoever failed for `a` looks again. What its content was in the meantime nobody knows.
void impl::readable_again(artefact_index a) {
  if ((flags[a] & unreadable) == 0) return;
  flags[a] &= static_cast<std::uint8_t>(~unreadable);
  held_since.erase(a);
  value_from[a] = revision_now;
  touch(a);
  for (const auto user : nodes.users(a)) {
    if (user.group()) {
      group_changed(user.index(), reason_kind::content, a, true, revision_now, revision_now);
    } else {
      stale(user.index(), reason_kind::content, a, revision_now, revision_now);
    }
  }
}

/// `a` was open for writing and is not any more, or something else is known of it now.
void impl::release(artefact_index a) {
  if ((flags[a] & being_written) == 0) return;
  flags[a] &= static_cast<std::uint8_t>(~being_written);
  held_since.erase(a);
  value_from[a] = revision_now;
  touch(a);
  count_readers(a, -1, -1, nullptr);
}

/// A source that somebody writes to is like the output of an action that is under way: known up to the
/// revision before, and what uses it waits.
void impl::hold_open(const std::vector<logical_path>& now_open) {
  std::set<artefact_index> wanted_open;
  for (const auto& one : now_open) {
    const auto a = nodes.find(one.str());
    if (a != no_index && has_source(a) && (flags[a] & unreadable) == 0) wanted_open.insert(a);
  }
  std::vector<artefact_index> closed;
  for (const auto& [a, since] : held_since)
    if ((flags[a] & being_written) != 0 && wanted_open.count(a) == 0) closed.push_back(a);
  for (const auto a : closed) release(a);
  for (const auto a : wanted_open) {
    if ((flags[a] & being_written) != 0) continue;
    about_to_change(a);
    flags[a] |= being_written;
    held_since[a] = revision_now;
    std::vector<action_index> users;
    count_readers(a, 1, 1, &users);
    for (const auto user : users) unsettle(user);
  }
}

}  // namespace graphite
