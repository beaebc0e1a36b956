#include <algorithm>

#include "coordinator/engine_state.hpp"

// An engine that builds when it is asked to: it rests, runs until nothing is left to do, rests again.

namespace graphite {

using impl = engine_impl;

result<engine_command_list> build_engine::run(const run_options& how, time_point now) {
  std::vector<artefact_index> only;
  for (const auto& path : how.only) {
    GRAPHITE_TRY(const auto target, impl_->known(path));
    only.push_back(target);
  }
  impl_->now = now;
  impl_->run(how, std::move(only));
  return impl_->flush();
}

void build_engine::rest() { impl_->rest(); }

engine_command_list build_engine::cancel(time_point now) {
  impl_->now = now;
  impl_->cancel();
  return impl_->flush();
}

/// What failed may go well now: a tool reads more than its inputs.
void impl::run(const run_options& how, std::vector<artefact_index> only) {
  options.dry = false;
  options.mode = how.mode;
  options.keep_going = how.keep_going;
  targets = std::move(only);
  was_idle = false;
  for (const auto a : std::exchange(touched_at_rest, {})) touched.insert(a);
  choose();
  std::vector<action_index> again;
  for (const auto& [a, text] : failures) {
    const bool wanted_one = targets.empty() || chosen.count(a) != 0;
    if (wanted_one && !actions[a].broken && failed_input(a).empty()) again.push_back(a);
  }
  for (const auto a : again) stale(a, reason_kind::retry, no_index, revision_now);
}

void impl::rest() {
  options.dry = true;
  targets.clear();
  chosen.clear();
}

/// At rest: what came back to what is shown is not changed any more. Nothing is joined for that.
void impl::drop_unchanged() {
  std::set<artefact_index> same;
  for (const auto a : touched.take()) {
    const auto found = dirty.find(a);
    if (found == dirty.end()) continue;
    visit();
    const auto w = wanted(a);
    if (w.to != forever || !same_as_shown(found->second, w)) {
      touched_at_rest.insert(a);
      continue;
    }
    if (const auto which = components.of(a); which != component_set::none) {
      components.remove(a, w.from);
      to_check.insert(which);
    }
    failed_assets.erase(a);
    forget_dirty(a);
    same.insert(a);
  }
  if (!same.empty()) std::erase_if(unjoined, [&](artefact_index a) { return same.count(a) != 0; });
}

void impl::cancel() {
  rest();
  was_idle = false;
  for (auto& [attempt, f] : flights) cancel_flight(attempt.first, f);
  for (const auto a : backoffs.take_due(time_point::max())) {
    actions[a].phase = action_phase::waiting;
    want_evaluation(a);
  }
}

void impl::cancel_flight(action_index a, flight& f) {
  if (!f.wanted) return;
  f.wanted = false;
  auto& st = actions[a];
  out.push_back(engine_commands::cancel_attempt{action_id{a}, attempt_number{st.attempts}});
  st.phase = action_phase::waiting;
  st.lagging = false;
  want_again(a);
}

/// The assets that the targets are, or that are made of them.
std::vector<artefact_index> impl::target_assets() const {
  std::vector<artefact_index> out;
  for (const auto target : targets) {
    out.push_back(target);
    expand_reference(target, out, 0);
  }
  return out;
}

std::set<component_set::component> impl::target_components() const {
  std::set<component_set::component> out;
  for (const auto a : target_assets())
    if (const auto which = components.of(a); which != component_set::none) out.insert(which);
  return out;
}

/// Finds what has to run for the targets: what they, and all that must be shown with them, are made of. What
/// is up to date needs nothing that is not.
void impl::choose() {
  chosen.clear();
  if (targets.empty()) return;
  join_new();
  std::vector<artefact_index> open = target_assets();
  for (const auto which : target_components()) {
    const auto& members = components.members(which);
    open.insert(open.end(), members.begin(), members.end());
  }
  const auto need = [&](action_index a) {
    if (a == no_index || actions[a].phase == action_phase::clean || !chosen.insert(a).second) return;
    const auto inputs = input_artefacts(a);
    open.insert(open.end(), inputs.begin(), inputs.end());
  };
  for (const auto target : targets) need(main_action[target]);
  while (!open.empty()) {
    const auto a = open.back();
    open.pop_back();
    visit();
    need(nodes.producer(a));
  }
}

std::vector<action_index> impl::startable() const {
  if (targets.empty()) return ready.in_order();
  return ready.in_order(chosen);
}

}  // namespace graphite
