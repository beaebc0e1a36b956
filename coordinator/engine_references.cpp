#include <algorithm>

#include "coordinator/engine_state.hpp"

// What an asset's record refers to, and whose records refer to it.

namespace graphite {

using impl = engine_impl;

/// A reference to a source that a command takes means what is made of it.
void impl::expand_reference(artefact_index target, std::vector<artefact_index>& found, int depth) const {
  constexpr int depth_max = 16;
  if (is_asset(target)) return found.push_back(target);
  if (main_action[target] == no_index || depth == depth_max) return;
  for (const auto output : nodes.outputs(main_action[target])) expand_reference(output, found, depth + 1);
}

/// Whose bytes name what the record of `a` refers to: its own or, of what is made, those of the main input.
artefact_index impl::refers_by(artefact_index a) const {
  if (has_source(a)) return a;
  const auto by = nodes.producer(a);
  if (by == no_index || !has_source(nodes.main_input(by))) return no_index;
  return nodes.main_input(by);
}

/// Calls `visit_one` with each asset whose record has references of `referrer`: itself, or what is made of
/// it.
void impl::for_showing(artefact_index referrer, const showing_visitor& visit_one) const {
  if (!has_source(referrer)) return;
  if (is_asset(referrer)) return visit_one(referrer);
  if (main_action[referrer] == no_index || !names_run_references(referrer)) return;
  for (const auto output : nodes.outputs(main_action[referrer]))
    if (is_asset(output)) visit_one(output);
}

bool impl::names_run_references(artefact_index a) const {
  const auto all = references.candidates(a);
  return std::any_of(all.begin(), all.end(), [](const auto one) { return one.at_run(); });
}

std::vector<artefact_index> impl::shown_references(artefact_index a) const {
  std::vector<artefact_index> found;
  const auto from = refers_by(a);
  if (from == no_index) return found;
  for_references(from, [&](auto one) {
    if (from != a && !one.front().at_run()) return;
    if (const auto target = resolve(one); target != no_index) expand_reference(target, found, 0);
  });
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

/// Whether one of the references that are shown for `referrer` resolves to `target`.
bool impl::means(artefact_index referrer, artefact_index target) const {
  bool found = false;
  const bool all = is_asset(referrer);
  for_references(referrer, [&](auto one) {
    found = found || ((all || one.front().at_run()) && resolve(one) == target);
  });
  return found;
}

void impl::parents_of(artefact_index a, const std::function<void(artefact_index)>& visit_one) const {
  const auto [first, last] = old_parents.equal_range(a);
  for (auto i = first; i != last; ++i) visit_one(i->second);
  for (auto at = a;;) {
    for (const auto referrer : references.referrers(at))
      if (has_source(referrer) && means(referrer, at)) for_showing(referrer, visit_one);
    const auto by = nodes.producer(at);
    if (by == no_index) return;
    at = nodes.main_input(by);
  }
}

}  // namespace graphite
