#include "coordinator/critical_paths.hpp"

#include <algorithm>

namespace graphite {

std::uint64_t& critical_paths::known(node which) {
  auto& table = which.group ? groups_ : actions_;
  if (which.index >= table.size()) table.resize(which.index + 1, unknown);
  return table[which.index];
}

/// The next action or group that uses what `at` makes, or that uses the group.
bool critical_paths::next_user(frame& at, node& found) const {
  if (at.group) {
    for (; at.output < graph::group_kinds.size(); ++at.output, at.user = 0) {
      const auto users = nodes_.group_users(at.index, graph::group_kinds[at.output]);
      if (at.user >= users.size()) continue;
      found = {users[at.user++].index(), false};
      return true;
    }
    return false;
  }
  const auto outputs = nodes_.outputs(at.index);
  for (; at.output < outputs.size(); ++at.output, at.user = 0) {
    const auto users = nodes_.users(outputs[at.output]);
    if (at.user >= users.size()) continue;
    const auto user = users[at.user++];
    found = {user.index(), user.group()};
    return true;
  }
  return false;
}

std::uint64_t critical_paths::of(action_index a, const cost_function& cost) {
  if (const auto value = known({a, false}); value != unknown) return value - 1;
  known({a, false}) = under_way;
  path_.push_back({a, false, 0, 0, 0});
  for (;;) {
    auto& top = path_.back();
    node user;
    if (next_user(top, user)) {
      auto& value = known(user);
      if (value == unknown) {
        value = under_way;
        path_.push_back({user.index, user.group, 0, 0, 0});
      } else if (value != under_way) {
        top.most = std::max(top.most, value - 1);
      }
      continue;
    }
    ++visited_;
    const auto own = top.group ? 0 : cost(top.index);
    const auto length = std::min(top.most, under_way / 2) + std::min(own, under_way / 4);
    known({top.index, top.group}) = length + 1;
    path_.pop_back();
    if (path_.empty()) return length;
    path_.back().most = std::max(path_.back().most, length);
  }
}

void critical_paths::add_inputs(action_index a, std::vector<node>& open) const {
  for (const auto edge : nodes_.inputs(a)) {
    if (edge.group())
      open.push_back({edge.index(), true});
    else if (const auto by = nodes_.producer(edge.index()); by != no_index)
      open.push_back({by, false});
  }
}

/// What is not known leads from nothing that is known.
void critical_paths::forget_all(std::vector<node>& open) {
  while (!open.empty()) {
    const auto at = open.back();
    open.pop_back();
    auto& value = known(at);
    if (value == unknown) continue;
    value = unknown;
    ++visited_;
    if (!at.group) {
      add_inputs(at.index, open);
      continue;
    }
    for (const auto member : nodes_.members(at.index))
      if (const auto by = nodes_.producer(member); by != no_index) open.push_back({by, false});
  }
}

void critical_paths::forget(action_index a) {
  std::vector<node> open{{a, false}};
  forget_all(open);
}

void critical_paths::forget_producer(artefact_index artefact) {
  if (const auto by = nodes_.producer(artefact); by != no_index) forget(by);
}

void critical_paths::forget_inputs(action_index a) {
  std::vector<node> open;
  add_inputs(a, open);
  forget_all(open);
}

}  // namespace graphite
