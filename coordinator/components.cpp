#include "coordinator/components.hpp"

#include <algorithm>
#include <utility>

namespace graphite {

component_set::component component_set::of(node member) const {
  const auto found = member_of_.find(member);
  return found == member_of_.end() ? none : found->second;
}

component_set::component component_set::merge(component a, component b) {
  if (a == b) return a;
  auto &left = components_.at(a), &right = components_.at(b);
  if (left.marks.size() + left.members.size() < right.marks.size() + right.members.size()) return merge(b, a);
  for (const auto member : right.members) member_of_[member] = a;
  for (const auto marked : right.marks) marks_[marked] = a;
  left.members.insert(left.members.end(), right.members.begin(), right.members.end());
  left.marks.insert(left.marks.end(), right.marks.begin(), right.marks.end());
  left.left += right.left;
  left.since = std::max(left.since, right.since);
  if (loose_.erase(b) != 0) loose_.insert(a);
  components_.erase(b);
  return a;
}

void component_set::mark(node start, component into) {
  std::vector<node> open{start};
  while (!open.empty()) {
    const auto at = open.back();
    open.pop_back();
    ++visited_;
    const auto [known, fresh] = marks_.emplace(at, into);
    if (!fresh) {
      into = merge(known->second, into);
      continue;
    }
    components_.at(into).marks.push_back(at);
    parents_(at, [&](node parent) { open.push_back(parent); });
  }
}

void component_set::add(node member) {
  if (member_of_.count(member) != 0) return;
  const auto fresh = next_++;
  components_[fresh].members.push_back(member);
  member_of_[member] = fresh;
  mark(member, fresh);
}

void component_set::joined(node parent, node target) {
  const auto above = marks_.find(parent), below = marks_.find(target);
  if (above != marks_.end() && below != marks_.end()) {
    merge(above->second, below->second);
  } else if (below != marks_.end()) {
    mark(parent, below->second);
  }
}

void component_set::remove(node member, std::uint32_t since) {
  const auto which = of(member);
  if (which == none) return;
  auto& group = components_.at(which);
  member_of_.erase(member);
  if (group.members.size() == 1) return erase(which);
  *std::find(group.members.begin(), group.members.end(), member) = group.members.back();
  group.members.pop_back();
  ++group.left;
  group.since = std::max(group.since, since);
  loose_.insert(which);
}

void component_set::loosen(node member) {
  if (const auto which = of(member); which != none && members(which).size() > 1) loose_.insert(which);
}

void component_set::erase(component which) {
  const auto& group = components_.at(which);
  for (const auto member : group.members) member_of_.erase(member);
  for (const auto marked : group.marks) marks_.erase(marked);
  components_.erase(which);
  loose_.erase(which);
}

std::vector<component_set::node> component_set::rebuild_loose(bool all) {
  std::vector<node> moved;
  const auto loose = loose_;
  for (const auto which : loose) {
    if (!has(which)) continue;  // an earlier one was found to hang together with it
    const auto& group = components_.at(which);
    if (!all && group.members.size() > small_max && group.left < group.members.size()) continue;
    const auto members = group.members;
    const auto since = group.since;
    erase(which);
    for (const auto member : members) add(member);
    for (const auto member : members) {
      auto& part = components_.at(of(member));
      part.since = std::max(part.since, since);
    }
    moved.insert(moved.end(), members.begin(), members.end());
  }
  return moved;
}

}  // namespace graphite
