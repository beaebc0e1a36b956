#pragma once

#include <list>
#include <unordered_map>

#include "coordinator/cluster/dispatch_types.hpp"

namespace graphite {

/// Under which number each recipe is known in one session, as the node was told.
///
/// A message is read recipes first: one that it replaces is not there for its assignments. So no number is
/// given to another while the message in hand uses it. Pure, O(1). Bound: `most` numbers, the least recently
/// used goes.
class recipe_numbers {
 public:
  explicit recipe_numbers(std::size_t most = control_limits::recipes_max) : most_(most) {}

  struct told {
    std::uint32_t number = 0;
    bool fresh = false;  ///< the node has to be told, in this message
  };
  /// Nothing where the message uses all numbers: it has to go first.
  std::optional<told> number_of(recipe_id recipe);
  /// The message in hand was sent; another begins.
  void next_message() { ++message_; }

 private:
  struct known {
    recipe_id recipe;
    std::uint32_t number = 0;
    std::uint64_t message = 0;  ///< that used it last
  };
  std::size_t most_;
  std::uint64_t message_ = 1;
  std::list<known> recent_;  ///< the last used first
  std::unordered_map<recipe_id, std::list<known>::iterator> known_;
};

}  // namespace graphite
