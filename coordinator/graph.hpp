#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "coordinator/edge_pool.hpp"
#include "coordinator/path_table.hpp"
#include "core/content.hpp"

namespace graphite {

/// Index of an artefact (a source or a generated file) in a graph; equal to its index in the path table.
using artefact_index = std::uint32_t;
/// Index of an action in a graph.
using action_index = std::uint32_t;
/// Index of a glob group: everything that matches one action's (or many equal actions') input globs.
using group_index = std::uint32_t;
inline constexpr std::uint32_t no_index = 0xffffffffu;

/// How a user hangs on an artefact or a group.
enum class edge_kind : std::uint8_t {
  declared = 0,    ///< the main input, or an input named exactly
  scanned = 1,     ///< a reference found in an input's bytes
  discovered = 2,  ///< read according to the depfile
  absent = 3,      ///< "did not exist": were it to appear, resolution would change
  glob = 4,        ///< member of a glob group: contents count
  names = 5,  ///< member of a glob group of which a depfile names what was read: only names like those count
};

/// One edge, packed: 3 bits of kind, one that marks a group, 28 of index.
struct graph_edge {
  std::uint32_t bits = 0;
  static constexpr std::uint32_t index_max = (1u << 28) - 1;

  static graph_edge to(std::uint32_t index, edge_kind kind, bool group = false) {
    return {index | static_cast<std::uint32_t>(kind) << 29 | (group ? 1u << 28 : 0u)};
  }
  std::uint32_t index() const { return bits & index_max; }
  edge_kind kind() const { return static_cast<edge_kind>(bits >> 29); }
  bool group() const { return (bits >> 28 & 1u) != 0; }
  auto operator<=>(const graph_edge&) const = default;
};

/// The artefacts, actions and glob groups of one view and the build edges between them.
///
/// Compact (arrays side by side, folders interned, adjacency in one pool): under 400 bytes a node at a mean
/// path of 60 bytes and degree 3. Pure, one thread. Invariant: an edge is in its user's inputs exactly when
/// it is in the used one's users. Bound: 2^28 of each kind of node.
class graph {
 public:
  explicit graph(path_hash_function hash = &id_of_path_text) : paths_(hash) {}

  const path_table& paths() const { return paths_; }
  /// Finds or makes the artefact; a made one has no content. Errors: already_exists for an asset_id
  /// collision.
  result<artefact_index> intern(std::string_view path) { return intern(path, paths_.hash_of(path)); }
  result<artefact_index> intern(std::string_view path, std::uint64_t hash);
  /// no_index where it is unknown. O(1).
  artefact_index find(std::string_view path) const { return paths_.find(path); }

  action_index add_action(artefact_index main_input, std::uint16_t rule);
  /// Drops all its edges; its index may be given out again.
  void remove_action(action_index action);
  bool live(action_index action) const { return action_main_[action] != no_index; }
  artefact_index main_input(action_index action) const { return action_main_[action]; }
  std::uint16_t rule_of(action_index action) const { return action_rule_[action]; }
  std::size_t action_slots() const { return action_main_.size(); }
  std::size_t action_count() const { return action_main_.size() - free_actions_.size(); }

  group_index add_group();

  /// Replaces the inputs of `action` by `edges` (any order, no duplicates); costs the difference only.
  void set_inputs(action_index action, std::vector<graph_edge> edges);
  /// Replaces the outputs. An artefact has at most one producer: the caller has checked.
  void set_outputs(action_index action, std::vector<artefact_index> outputs);
  void add_member(group_index group, artefact_index artefact);
  void remove_member(group_index group, artefact_index artefact);

  /// Edges to artefacts and groups, ascending by bits.
  std::span<const graph_edge> inputs(action_index action) const { return edges_of(action_inputs_[action]); }
  std::span<const artefact_index> outputs(action_index action) const;
  /// Edges to actions and groups that use the artefact.
  std::span<const graph_edge> users(artefact_index artefact) const { return edges_of(users_[artefact]); }
  /// Users whose edge to the group is of this kind, one of group_kinds.
  std::span<const graph_edge> group_users(group_index group, edge_kind kind) const {
    return edges_of(group_users_[group][kind == edge_kind::names]);
  }
  static constexpr std::array group_kinds{edge_kind::glob, edge_kind::names};
  std::span<const artefact_index> members(group_index group) const;
  action_index producer(artefact_index artefact) const { return producer_[artefact]; }

  const content_ref& content(artefact_index artefact) const { return content_[artefact]; }
  void set_content(artefact_index artefact, const content_ref& content) { content_[artefact] = content; }

  /// All actions whose result may change when `changed` change: their users, the users of those users'
  /// outputs and so on, each once, in breadth-first order. Cost follows the answer's edges, not the graph.
  /// The span is valid until the next call.
  std::span<const action_index> invalidate(std::span<const artefact_index> changed);
  /// Nodes (artefacts, groups, actions) the last invalidate() looked at.
  std::uint64_t visited() const { return visited_; }

 private:
  std::span<const graph_edge> edges_of(edge_list list) const;
  void visit_users(artefact_index artefact);
  void visit_action(action_index action);
  edge_list& users_at(graph_edge edge);
  void unlink_input(action_index action, graph_edge edge);
  void link_input(action_index action, graph_edge edge);

  path_table paths_;
  edge_pool pool_;
  std::vector<content_ref> content_;
  std::vector<edge_list> users_;
  std::vector<action_index> producer_;
  std::vector<artefact_index> action_main_;
  std::vector<std::uint16_t> action_rule_;
  std::vector<edge_list> action_inputs_, action_outputs_;
  std::vector<std::uint32_t> action_seen_, group_seen_;
  std::vector<std::array<edge_list, 2>> group_users_;  ///< by kind: those of glob, those of names
  std::vector<edge_list> group_members_;
  std::vector<action_index> free_actions_;
  std::vector<action_index> stale_;
  std::uint32_t round_ = 0;
  std::uint64_t visited_ = 0;
};

}  // namespace graphite
