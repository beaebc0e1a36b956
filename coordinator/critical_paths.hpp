#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "coordinator/graph.hpp"

namespace graphite {

/// How long the longest chain of actions is that waits for an action, itself included.
///
/// The bottom level of list scheduling (T. L. Adam, K. M. Chandy, J. R. Dickson, "A Comparison of List
/// Schedules for Parallel Processing Systems", CACM 17(12), 1974). Chains are found when they are asked for
/// and kept; those on the way are, too, so that all of a graph cost as much as its edges. What is kept is
/// told of changes: forget(). A chain of which a learned duration has changed stays until its action is
/// forgotten. On a cycle, which never runs, each action counts for some of the others. Pure, not recursive.
/// O(1) where it is known.
class critical_paths {
 public:
  using cost_function = std::function<std::uint64_t(action_index)>;  ///< nanoseconds

  explicit critical_paths(const graph& nodes) : nodes_(nodes) {}

  std::uint64_t of(action_index a, const cost_function& cost);
  /// What waits for `a` changes, or has changed: its chain is forgotten, and those of all that lead to it.
  /// Costs what was found out and is lost by it.
  void forget(action_index a);
  /// The same for whatever makes `artefact`: it has another user.
  void forget_producer(artefact_index artefact);
  /// The same for all that `a` waits for: its edges change, or have changed.
  void forget_inputs(action_index a);
  /// `a` is done: before it runs again its chain is found anew. O(1).
  void drop(action_index a) {
    if (a < actions_.size()) actions_[a] = unknown;
  }
  /// Actions and groups looked at since the start.
  std::uint64_t visited() const { return visited_; }

 private:
  static constexpr std::uint64_t unknown = 0, under_way = std::numeric_limits<std::uint64_t>::max();

  /// An action or a group whose users are being looked at.
  struct frame {
    std::uint32_t index = 0;
    bool group = false;
    std::uint32_t output = 0, user = 0;  ///< next to look at; of a group `output` is its kind of users
    std::uint64_t most = 0;
  };
  struct node {
    std::uint32_t index = 0;
    bool group = false;
  };
  std::uint64_t& known(node which);
  bool next_user(frame& at, node& found) const;
  void forget_all(std::vector<node>& open);
  void add_inputs(action_index a, std::vector<node>& open) const;

  const graph& nodes_;
  std::vector<std::uint64_t> actions_, groups_;  ///< one more than the length
  std::vector<frame> path_;
  std::uint64_t visited_ = 0;
};

}  // namespace graphite
