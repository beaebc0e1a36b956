#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "coordinator/graph.hpp"
#include "core/units.hpp"

namespace graphite {

/// Actions that may run, best first.
///
/// Pure. Invariant: an action is in it at most once. put, drop and take are O(log actions).
class ready_queue {
 public:
  struct rank {
    bool interactive = false;       ///< before all that are not
    std::uint64_t critical_ns = 0;  ///< then the longest chain
    std::string name;               ///< then by name: the order never depends on chance
  };
  /// `action` is not in it.
  void put(action_index action, rank where);
  /// False where it is not in it.
  bool drop(action_index action);
  /// The best, which leaves; the queue is not empty.
  action_index take();
  std::size_t size() const { return keys_.size(); }
  bool empty() const { return keys_.empty(); }
  std::vector<action_index> in_order() const;
  /// Those of `among` that are in it. O(among · log).
  std::vector<action_index> in_order(const std::set<action_index>& among) const;

 private:
  using key = std::tuple<bool, std::uint64_t, std::string, action_index>;
  std::set<key> order_;
  std::map<action_index, key> keys_;
};

/// Actions whose attempts our own side refused (a full disk): each waits, twice as long as the last time up
/// to a bound, until an attempt of it succeeds.
///
/// Pure: time is an argument.
class backoff_table {
 public:
  backoff_table(duration first, duration most) : first_(first), most_(most) {}
  void refused(action_index action, time_point now);
  void succeeded(action_index action) { delays_.erase(action); }
  /// Stops its waiting; what it waited last stays known.
  void drop(action_index action) { waiting_.erase(action); }
  /// Forgets all of it.
  void forget(action_index action) { waiting_.erase(action), delays_.erase(action); }
  /// Those whose wait is over, ascending; they leave.
  std::vector<action_index> take_due(time_point now);
  /// When the next wait is over; nothing where none waits. O(waiting).
  std::optional<time_point> next() const;
  bool empty() const { return waiting_.empty(); }
  /// How many wait, and how many of them for longer than `patience`.
  std::size_t waiting() const { return waiting_.size(); }
  std::size_t waiting_longer(duration patience) const;
  /// Whether it was refused since it last succeeded; and whether the last wait for that is longer.
  bool has_waited(action_index action) const { return delays_.contains(action); }
  bool has_waited_longer(action_index action, duration patience) const;

 private:
  duration first_, most_;
  std::map<action_index, time_point> waiting_;
  std::map<action_index, duration> delays_;
};

}  // namespace graphite
