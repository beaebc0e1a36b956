#pragma once

#include <map>
#include <string>
#include <vector>

#include "coordinator/cluster/cluster_types.hpp"
#include "core/error.hpp"

namespace graphite {

/// What attempts ask of a node beside room, which is not used up: tools of certain digests, a platform. And
/// which nodes have it.
///
/// Names are compared, no more. Pure. met() is O(1), intern() of a new one O(nodes × names × log offers),
/// offer() O(requirements × names × log offers). Never forgets one.
class requirement_table {
 public:
  static constexpr std::size_t requirements_max = 4'096;

  /// The number of these names together, the same for the same ones in any order; 0 for none.
  /// Errors: busy (requirements_max).
  result<requirement_index> intern(std::vector<std::string> names);
  bool known(requirement_index requirement) const { return requirement <= all_.size(); }
  /// All that the node is and has; replaces what it said before.
  void offer(node_index node, std::vector<std::string> names);
  bool met(node_index node, requirement_index requirement) const {
    return requirement == 0 || (node < nodes_.size() && nodes_[node].meets[requirement - 1]);
  }

 private:
  struct node_state {
    std::vector<std::string> offers;  ///< ascending
    std::vector<bool> meets;          ///< by requirement, less one
  };
  std::map<std::vector<std::string>, requirement_index> numbers_;
  std::vector<const std::vector<std::string>*> all_;  ///< keys of `numbers_`
  std::vector<node_state> nodes_;
};

}  // namespace graphite
