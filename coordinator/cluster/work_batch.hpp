#pragma once

#include "coordinator/cluster/recipe_numbers.hpp"

namespace graphite {

/// What one node is told, gathered into as few messages as may be.
///
/// Pure. Invariant: each message is within control_limits, and about `message_bytes` or one assignment.
class work_batch {
 public:
  /// `recipes`: numbers that a session has at most.
  explicit work_batch(std::size_t message_bytes, std::size_t recipes = control_limits::recipes_max)
      : message_bytes_(message_bytes), numbers_(recipes) {}

  /// `what.recipe` is filled in. Together with the recipe it fits a message.
  void add(control::assignment what, recipe_id recipe, const control::recipe& how);
  void add(const control::stop& what);
  bool empty() const { return now_.assignments.empty() && now_.stops.empty() && full_.empty(); }
  /// All messages, in order, each with this acknowledgement. Empty: none.
  std::vector<control::work> take(std::uint64_t acknowledged);

 private:
  bool has_room(std::size_t bytes, std::size_t assignments, std::size_t stops) const;
  void close();

  std::size_t message_bytes_;
  recipe_numbers numbers_;
  control::work now_;
  std::size_t bytes_ = 0;
  std::vector<control::work> full_;
};

}  // namespace graphite
