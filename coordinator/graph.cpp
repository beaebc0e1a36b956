#include "coordinator/graph.hpp"

#include <algorithm>

namespace graphite {

static_assert(sizeof(graph_edge) == sizeof(std::uint32_t));

std::span<const graph_edge> graph::edges_of(edge_list list) const {
  return {reinterpret_cast<const graph_edge*>(pool_.data(list)), list.size};
}

std::span<const artefact_index> graph::outputs(action_index action) const {
  const auto list = action_outputs_[action];
  return {pool_.data(list), list.size};
}

std::span<const artefact_index> graph::members(group_index group) const {
  const auto list = group_members_[group];
  return {pool_.data(list), list.size};
}

result<artefact_index> graph::intern(std::string_view path, std::uint64_t hash) {
  GRAPHITE_TRY(const auto index, paths_.intern(path, hash));
  if (index == users_.size()) {
    GRAPHITE_INVARIANT(index < graph_edge::index_max);
    content_.emplace_back();
    users_.emplace_back();
    producer_.push_back(no_index);
  }
  return index;
}

action_index graph::add_action(artefact_index main_input, std::uint16_t rule) {
  if (!free_actions_.empty()) {
    const auto action = free_actions_.back();
    free_actions_.pop_back();
    action_main_[action] = main_input;
    action_rule_[action] = rule;
    return action;
  }
  GRAPHITE_INVARIANT(action_main_.size() < graph_edge::index_max);
  action_main_.push_back(main_input);
  action_rule_.push_back(rule);
  action_inputs_.emplace_back();
  action_outputs_.emplace_back();
  action_seen_.push_back(0);
  return static_cast<action_index>(action_main_.size() - 1);
}

void graph::remove_action(action_index action) {
  set_inputs(action, {});
  set_outputs(action, {});
  action_main_[action] = no_index;
  free_actions_.push_back(action);
}

group_index graph::add_group() {
  group_users_.emplace_back();
  group_members_.emplace_back();
  group_seen_.push_back(0);
  return static_cast<group_index>(group_users_.size() - 1);
}

edge_list& graph::users_at(graph_edge edge) {
  if (!edge.group()) return users_[edge.index()];
  return group_users_[edge.index()][edge.kind() == edge_kind::names];
}

void graph::link_input(action_index action, graph_edge edge) {
  pool_.push(users_at(edge), graph_edge::to(action, edge.kind()).bits);
}

void graph::unlink_input(action_index action, graph_edge edge) {
  GRAPHITE_INVARIANT(pool_.erase(users_at(edge), graph_edge::to(action, edge.kind()).bits));
}

void graph::set_inputs(action_index action, std::vector<graph_edge> edges) {
  std::sort(edges.begin(), edges.end());
  const auto span = inputs(action);
  const std::vector<graph_edge> old(span.begin(), span.end());
  if (old == edges) return;
  std::vector<graph_edge> gone, added;
  std::set_difference(old.begin(), old.end(), edges.begin(), edges.end(), std::back_inserter(gone));
  std::set_difference(edges.begin(), edges.end(), old.begin(), old.end(), std::back_inserter(added));
  for (const auto edge : gone) unlink_input(action, edge);
  for (const auto edge : added) link_input(action, edge);
  pool_.assign(action_inputs_[action], reinterpret_cast<const std::uint32_t*>(edges.data()),
               static_cast<std::uint32_t>(edges.size()));
}

void graph::set_outputs(action_index action, std::vector<artefact_index> outputs_now) {
  for (const auto old : outputs(action)) producer_[old] = no_index;
  for (const auto output : outputs_now) {
    GRAPHITE_INVARIANT(producer_[output] == no_index);
    producer_[output] = action;
  }
  pool_.assign(action_outputs_[action], outputs_now.data(), static_cast<std::uint32_t>(outputs_now.size()));
}

void graph::add_member(group_index group, artefact_index artefact) {
  pool_.push(group_members_[group], artefact);
  pool_.push(users_[artefact], graph_edge::to(group, edge_kind::glob, true).bits);
}

void graph::remove_member(group_index group, artefact_index artefact) {
  if (!pool_.erase(group_members_[group], artefact)) return;
  GRAPHITE_INVARIANT(pool_.erase(users_[artefact], graph_edge::to(group, edge_kind::glob, true).bits));
}

void graph::visit_action(action_index action) {
  if (action_seen_[action] == round_) return;
  action_seen_[action] = round_;
  stale_.push_back(action);
}

void graph::visit_users(artefact_index artefact) {
  ++visited_;
  for (const auto user : users(artefact)) {
    if (!user.group()) {
      visit_action(user.index());
      continue;
    }
    if (group_seen_[user.index()] == round_) continue;
    group_seen_[user.index()] = round_;
    ++visited_;
    for (const auto kind : group_kinds)
      for (const auto action : group_users(user.index(), kind)) visit_action(action.index());
  }
}

std::span<const action_index> graph::invalidate(std::span<const artefact_index> changed) {
  if (++round_ == 0) {  // the stamps wrapped round
    std::fill(action_seen_.begin(), action_seen_.end(), 0);
    std::fill(group_seen_.begin(), group_seen_.end(), 0);
    round_ = 1;
  }
  visited_ = 0;
  stale_.clear();
  for (const auto artefact : changed) visit_users(artefact);
  for (std::size_t next = 0; next < stale_.size(); ++next) {
    ++visited_;
    for (const auto output : outputs(stale_[next])) visit_users(output);
  }
  return stale_;
}

}  // namespace graphite
