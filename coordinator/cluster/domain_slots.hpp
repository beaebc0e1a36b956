#pragma once

#include <algorithm>
#include <deque>
#include <vector>

#include "coordinator/cluster/needs.hpp"

namespace graphite {

struct domain_slots_options {
  /// Only attempts expected to be this short are sent ahead, for others the way there and back does not
  /// count; and only as much as those that run now will take for so long.
  std::uint64_t ahead_ns_max = 5'000'000;
  std::size_t ahead_max = 256;  ///< attempts
};

/// One domain as its scheduler sees it: what runs there and what was sent ahead to wait there for a place.
///
/// The node does the same sums: it starts what waits strictly in the order in which it was sent, as soon as
/// the first of it fits. Reports of one node come in order, so both agree but for what is on its way. That is
/// the credit window: what fits, and `ahead` of it. Only what the short ones that run will leave is filled
/// ahead: nothing waits behind a long one. Pure. Invariants: what runs fits the capacity together; no more
/// are there than the capacity says; the first that waits does not fit beside what runs. start and queue are
/// O(1), remove is O(attempts there).
class domain_slots {
 public:
  using attempt = std::uint32_t;  ///< the scheduler's number of one

  domain_slots(const domain_capacity& capacity, const domain_slots_options& options)
      : all_(capacity), free_(capacity), soon_(capacity), options_(options) {}

  /// It could start at once.
  bool fits(const task_needs& needs) const { return waiting_.empty() && has_credit() && free_.fits(needs); }
  bool fits_empty(const task_needs& needs) const { return free_resources(all_).fits(needs); }
  /// It may be sent ahead.
  bool may_queue(const task_needs& needs, std::uint64_t expected_ns) const {
    return is_short(expected_ns) && has_room_ahead() && soon_.fits(needs);
  }
  bool has_room_ahead() const {
    return has_credit() && waiting_.size() < options_.ahead_max &&
           waiting_ns_ < options_.ahead_ns_max * short_running_;
  }

  /// It takes attempts beyond those that are there.
  bool has_credit() const { return running_.size() + waiting_.size() < all_.attempts; }

  /// It fits; an adopted one may be beyond the credit.
  void start(attempt what, const task_needs& needs, std::uint64_t expected_ns);
  /// It may be sent ahead, and does not fit.
  void queue(attempt what, const task_needs& needs, std::uint64_t expected_ns);
  /// It ended, or was taken back. Those that start now are added to `started`.
  void remove(attempt what, std::vector<attempt>& started);

  const domain_capacity& capacity() const { return all_; }
  const free_resources& free() const { return free_; }
  /// What will be free once the short ones are done.
  const free_resources& soon() const { return soon_; }
  std::size_t running() const { return running_.size(); }
  std::size_t waiting() const { return waiting_.size(); }
  std::uint64_t waiting_ns() const { return waiting_ns_; }
  bool is_short(std::uint64_t expected_ns) const { return expected_ns <= options_.ahead_ns_max; }
  /// Of those that run, how many are expected to be short.
  std::uint64_t short_running() const { return short_running_; }
  bool empty() const { return running_.empty() && waiting_.empty(); }
  /// Used CPU of 2^16.
  std::uint32_t load() const {
    const auto all = std::max<std::uint64_t>(all_.cpu_milli, 1);
    return static_cast<std::uint32_t>(((all - free_.cpu_milli()) << 16) / all);
  }
  /// All there: those that run, in no order that means anything, then those that wait, in theirs.
  std::vector<attempt> attempts() const;

 private:
  struct placed {
    attempt what = 0;
    const task_needs* needs = nullptr;  ///< of a shape_table: stays
    std::uint64_t expected_ns = 0;
  };
  void run(const placed& what);

  domain_capacity all_;
  free_resources free_, soon_;  ///< `soon_`: once the short ones are done
  domain_slots_options options_;
  std::vector<placed> running_;
  std::deque<placed> waiting_;
  std::uint64_t waiting_ns_ = 0, short_running_ = 0;
};

}  // namespace graphite
