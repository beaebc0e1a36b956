#include <algorithm>

#include "coordinator/engine_state.hpp"

// How staleness spreads and how it ends.

namespace graphite {

using impl = engine_impl;

/// `a` must be looked at: an input has another value, valid from revision `from` on; the one before it was
/// valid up to `ended`, exclusive, at most.
void impl::stale(action_index a, reason_kind why, artefact_index by, revision_number from,
                 revision_number ended) {
  if (loading) return;
  visit();
  auto& st = actions[a];
  if (st.final() || !st.changed) {
    st.why = why;
    st.why_artefact = by;
    st.interactive = interactive_now;
  }
  st.changed = true;
  st.changed_at = std::max(st.changed_at, from);
  if (st.final()) unsettle(a);
  ended = std::min(ended, from);
  if (st.interim || st.has_result) st.to = std::min(st.to, ended == 0 ? 0 : ended - 1);
  switch (st.phase) {
    case action_phase::looking:
      lookups.erase(a);
      break;
    case action_phase::queued:
      dequeue(a);
      break;
    case action_phase::backoff:
      backoffs.drop(a);
      break;
    case action_phase::running:
      return overtake(a, ended);
    default:
      break;
  }
  st.phase = action_phase::waiting;
  want_evaluation(a);
}

/// The final action `a` and all downstream of it are final no more.
void impl::unsettle(action_index first) {
  std::vector<action_index> open{first};
  while (!open.empty()) {
    const auto a = open.back();
    open.pop_back();
    auto& st = actions[a];
    if (!st.final()) continue;
    visit();
    // What is shown must be noted while it is still there.
    for (const auto output : nodes.outputs(a)) about_to_change(output);
    if (st.phase == action_phase::failed) {
      st.changed = true;
      failures.erase(a);
    } else {
      st.to = revision_now == 0 ? 0 : revision_now - 1;
    }
    st.phase = action_phase::waiting;
    st.interim = false;
    st.stale_since = now;
    if (a != first && !st.changed) st.interactive = interactive_now;
    ++stale_count;
    count_users(a, 1, 1, &open);
    want_evaluation(a);
  }
}

void impl::count_users(action_index a, int pending, int loose, std::vector<action_index>* unsettled) {
  for (const auto output : nodes.outputs(a)) count_readers(output, pending, loose, unsettled);
}

void impl::count_readers(artefact_index a, int pending, int loose, std::vector<action_index>* unsettled) {
  for (const auto user : nodes.users(a)) {
    visit();
    if (user.group()) {
      count_group(user.index(), pending, loose, unsettled);
    } else {
      count_user(user.index(), pending, loose, unsettled);
    }
  }
}

void impl::count_user(action_index user, int pending, int loose, std::vector<action_index>* unsettled) {
  auto& st = actions[user];
  st.pending += static_cast<std::uint32_t>(pending);
  st.loose += static_cast<std::uint32_t>(loose);
  if (unsettled != nullptr && st.final()) unsettled->push_back(user);
  if (unsettled == nullptr) want_evaluation(user);
}

/// A group counts as one input: its users hear only when it becomes or ceases to be pending or loose.
void impl::count_group(group_index g, int pending, int loose, std::vector<action_index>* unsettled) {
  auto& group = groups[g];
  const bool was_pending = group.pending > 0, was_loose = group.loose > 0;
  group.pending += static_cast<std::uint32_t>(pending);
  group.loose += static_cast<std::uint32_t>(loose);
  const int dp = static_cast<int>(group.pending > 0) - static_cast<int>(was_pending);
  const int dl = static_cast<int>(group.loose > 0) - static_cast<int>(was_loose);
  if (dp == 0 && dl == 0) return;
  for (const auto kind : graph::group_kinds)
    for (const auto user : nodes.group_users(g, kind)) count_user(user.index(), dp, dl, unsettled);
}

void impl::want_evaluation(action_index a) {
  const auto& st = actions[a];
  if (st.phase == action_phase::waiting && (st.pending == 0 || st.broken)) evaluate_queue.push_back(a);
}

/// The running attempt of `a` works on a value that ended before revision `from`; 0: `a` is going away.
void impl::overtake(action_index a, revision_number from) {
  auto& st = actions[a];
  if (st.phase != action_phase::running) return;
  auto& f = flights.at({a, st.attempts});
  f.to = std::min(f.to, from == 0 ? 0 : from - 1);
  if (f.overtaken_at == time_point{}) f.overtaken_at = now;
  if (from != 0 && (st.lagging || now - st.stale_since >= config.publish_lag_max)) {
    st.lagging = true;
    return;
  }
  f.wanted = false;
  out.push_back(engine_commands::cancel_attempt{action_id{a}, attempt_number{st.attempts}});
  st.phase = action_phase::waiting;
  want_evaluation(a);
}

void impl::settle(action_index a, action_phase how, std::string message) {
  auto& st = actions[a];
  GRAPHITE_INVARIANT(!st.final());
  const bool was_usable = st.usable();
  st.phase = how;
  chains.drop(a);
  st.interim = false;
  st.lagging = false;
  if (how == action_phase::failed) {
    if (message.size() > 4 * KiB) message.resize(4 * KiB);
    failures[a] = std::move(message);
  } else {
    st.changed = false;
    st.to = forever;  // one that failed keeps the end of what it made before
  }
  --stale_count;
  for (const auto output : nodes.outputs(a)) touch(output);
  count_users(a, was_usable ? 0 : -1, -1);
  if (how == action_phase::clean) save_results.insert(nodes.main_input(a));
}

/// The outputs are a usable value, valid up to revision `to`.
void impl::make_interim(action_index a, revision_number to) {
  auto& st = actions[a];
  const bool was_usable = st.interim;
  if (was_usable && st.to == to) return;
  st.interim = true;
  st.to = to;
  for (const auto output : nodes.outputs(a)) touch(output);
  count_users(a, was_usable ? 0 : -1, 0);
}

/// The revisions at which all present inputs are valid together; false where there is none.
bool impl::inputs_agree(action_index a, revision_number& from, revision_number& to) const {
  from = actions[a].changed_at;
  to = forever;
  const auto take = [&](artefact_index input) {
    from = std::max(from, value_from[input]);
    if (const auto by = nodes.producer(input); by != no_index && !actions[by].final())
      to = std::min(to, actions[by].to);
    if (held(input)) to = std::min(to, held_since.at(input) - 1);
  };
  for (const auto edge : nodes.inputs(a)) {
    if (!edge.group()) {
      if (edge.kind() != edge_kind::absent) take(edge.index());
    } else {
      for (const auto member : nodes.members(edge.index())) take(member);
    }
  }
  return from <= to;
}

/// Words for an input whose action failed; empty where there is none.
std::string impl::failed_input(action_index a) const {
  const auto words = [&](artefact_index input) -> std::string {
    if (has_source(input) && (flags[input] & unreadable) != 0)
      return "needs " + path(input) + ", which could not be read: " + unread.at(path(input));
    const auto by = nodes.producer(input);
    if (by == no_index || actions[by].phase != action_phase::failed) return {};
    return "needs " + path(input) + ", which failed";
  };
  if (const auto missing = missing_input.find(a); missing != missing_input.end()) return missing->second;
  for (const auto edge : nodes.inputs(a)) {
    if (!edge.group()) {
      if (auto text = words(edge.index()); !text.empty()) return text;
    } else if (!failures.empty() || !unread.empty()) {
      for (const auto member : nodes.members(edge.index()))
        if (auto text = words(member); !text.empty()) return text;
    }
  }
  return {};
}

/// Decides about an action all of whose inputs have a value.
void impl::evaluate(action_index a) {
  auto& st = actions[a];
  if (!nodes.live(a) || st.phase != action_phase::waiting || (st.pending != 0 && !st.broken)) return;
  visit();
  if (st.broken) {
    if (auto& told_before = told[a]; told_before != problem_of(a)) {
      told_before = problem_of(a);
      tell(log_level::error, path(nodes.main_input(a)), problem_of(a));
    }
    return settle(a, action_phase::failed, problem_of(a));
  }
  if (auto text = failed_input(a); !text.empty()) {
    if (missing_input.count(a) != 0) tell(log_level::error, path(nodes.main_input(a)), text);
    return settle(a, action_phase::failed, std::move(text));
  }
  revision_number from = 0, to = 0;
  if (!inputs_agree(a, from, to) && st.loose != 0) return;
  if (st.changed && st.has_result && strong_of(a, weak_of(a), set_of(a)) == st.built) {
    st.changed = false;  // it came back to what the outputs were made of
    st.lagging = false;
    for (const auto output : nodes.outputs(a)) value_from[output] = std::max(value_from[output], from);
  }
  if (st.changed || !st.has_result) return look_up(a);
  // Between the two the inputs were not known.
  if (st.to != forever && from > st.to + 1)
    for (const auto output : nodes.outputs(a)) value_from[output] = std::max(value_from[output], from);
  if (st.loose == 0) return settle(a, action_phase::clean, {});
  make_interim(a, to);
}

/// Results that are not stored any more count as never made. What is under way stores its own anew.
void impl::contents_lost(const std::function<bool(const digest&)>& stored) {
  for (action_index a = 0; a < actions.size(); ++a) {
    auto& st = actions[a];
    if (!nodes.live(a) || !st.has_result || st.phase == action_phase::failed) continue;
    const auto outputs = nodes.outputs(a);
    const auto lost = std::find_if(outputs.begin(), outputs.end(), [&](artefact_index output) {
      const auto contents = stored_of(output);
      return std::any_of(contents.begin(), contents.end(),
                         [&](const content_ref& content) { return content.size > 0 && !stored(content.id); });
    });
    if (lost == outputs.end()) continue;
    st.has_result = false;
    if (st.phase == action_phase::clean) stale(a, reason_kind::lost, *lost, revision_now, revision_now);
  }
}

}  // namespace graphite
