#pragma once

#include <optional>
#include <vector>

#include "actors/jobs/view_stores.hpp"
#include "coordinator/jobs/job_inputs.hpp"
#include "core/cancel_token.hpp"

namespace graphite {

/// What a walk through a snapshot in the stores has found.
struct snapshot_walk {
  std::uint64_t missing = 0, missing_bytes = 0;  ///< contents, as far as could be seen
  std::vector<content_ref> first_missing;
  std::vector<snapshot_change>
      changes;  ///< from `before`, ascending by path; empty where something is missing
};

/// Reads what differs between two snapshots from the stores, and asks them for all contents of it. `before`
/// absent: all of `root`. Blocks; O(changed). Errors: those of snapshot_diff (the snapshot is none), of the
/// stores, cancelled.
result<snapshot_walk> walk_snapshot(view_stores& stores, const std::optional<content_ref>& before,
                                    const content_ref& root, const hasher& hash, const cancel_token& cancel);

/// "3 contents of the snapshot (1200 bytes) are in no store, the first is …": what to do is the caller's.
std::string told_missing(const snapshot_walk& walk);

}  // namespace graphite
