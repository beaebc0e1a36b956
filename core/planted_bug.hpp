#pragma once

#include <array>
#include <string_view>

/// \file Mistakes that can be put into the cluster's decisions, one at a time, to see that the simulation
/// finds them (tests/sim/planted_bugs.cpp). Only where GRAPHITE_PLANTED_BUGS is defined; in all programs
/// there are none.

namespace graphite {

enum class planted_bug : unsigned {
  none,
  // coordinator/cluster/scheduler, lease_table
  lost_requeue,
  second_result_committed,
  leaked_slot,
  leaked_pool,
  retry_forgotten,
  pause_for_ever,
  key_kept_after_cancel,
  no_grace,
  adopted_and_queued,
  lease_never_over,
  older_start_kept,
  drain_not_undone,
  // coordinator/cluster/dispatcher
  acknowledged_before_safe,
  told_before_safe,
  failed_commit_taken_for_good,
  late_wish_runs_again,
  acknowledged_in_another_session,
  one_waiter_told,
  recipe_replaced_in_use,
  recipe_not_told,
  older_link_kept,
  held_for_ever,
  // node/agent
  old_name_kept,
  result_lost_while_joining,
  credit_lost,
  nothing_handed_back,
  one_result_too_many_forgotten,
  stopped_without_a_word,
  numbers_go_on,
  begun_without_room,
  count
};

inline constexpr std::array<std::string_view, static_cast<std::size_t>(planted_bug::count)>
    planted_bug_names = {"none",
                         "lost_requeue",
                         "second_result_committed",
                         "leaked_slot",
                         "leaked_pool",
                         "retry_forgotten",
                         "pause_for_ever",
                         "key_kept_after_cancel",
                         "no_grace",
                         "adopted_and_queued",
                         "lease_never_over",
                         "older_start_kept",
                         "drain_not_undone",
                         "acknowledged_before_safe",
                         "told_before_safe",
                         "failed_commit_taken_for_good",
                         "late_wish_runs_again",
                         "acknowledged_in_another_session",
                         "one_waiter_told",
                         "recipe_replaced_in_use",
                         "recipe_not_told",
                         "older_link_kept",
                         "held_for_ever",
                         "old_name_kept",
                         "result_lost_while_joining",
                         "credit_lost",
                         "nothing_handed_back",
                         "one_result_too_many_forgotten",
                         "stopped_without_a_word",
                         "numbers_go_on",
                         "begun_without_room"};

#ifdef GRAPHITE_PLANTED_BUGS
inline planted_bug planted_now = planted_bug::none;
inline bool planted(planted_bug which) { return planted_now == which; }
#else
constexpr bool planted(planted_bug) { return false; }
#endif

}  // namespace graphite
