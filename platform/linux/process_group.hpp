#pragma once

#include <sys/types.h>

#include "core/error.hpp"
#include "core/units.hpp"

namespace graphite {

/// Whether some process of the group still runs. One that is dead but not reaped does not: its reaper may
/// be a slow init. One system call where the group is empty, otherwise a walk over /proc.
bool group_has_living(pid_t group);

/// Waits for a group that was killed; the usual case, no such group any more, costs one system call.
/// Errors: io where something of it still runs after `limit`.
result<void> await_group_end(pid_t group, duration limit);

}  // namespace graphite
