#pragma once

#include <compare>

#include "core/ids.hpp"

namespace graphite {

/// One execution that somebody waits for; not given out again within an epoch. Zero: none.
using task_id = strong_id<struct task_tag>;

/// Names one attempt on the wire. Only its epoch's coordinator takes its result, and only while it runs
/// there.
struct attempt_key {
  epoch_number epoch;
  task_id task;
  attempt_number number;
  auto operator<=>(const attempt_key&) const = default;
};

}  // namespace graphite
