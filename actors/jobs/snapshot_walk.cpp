#include "actors/jobs/snapshot_walk.hpp"

#include <fmt/format.h>

namespace graphite {

namespace {

/// False: there was nothing to do.
result<bool> fetch_some(view_stores& stores, job_inputs& walk) {
  const auto wanted = walk.to_fetch();
  if (wanted.empty()) return false;
  for (const auto& one : wanted)
    if (one.size > snapshot_limits::object_bytes_max)
      return fail(errc::corrupt, "an object of the snapshot is larger than one can be");
  GRAPHITE_TRY(const auto found, stores.read(wanted, snapshot_limits::object_bytes_max + 1));
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (found[i])
      GRAPHITE_CHECK(walk.fetched(wanted[i], *found[i]));
    else
      walk.absent(wanted[i]);
  }
  return true;
}

result<bool> ask_some(view_stores& stores, job_inputs& walk) {
  const auto asked = walk.to_ask();
  if (asked.empty()) return false;
  GRAPHITE_TRY(const auto there, stores.have(asked));
  walk.answered(asked, there);
  return true;
}

}  // namespace

result<snapshot_walk> walk_snapshot(view_stores& stores, const std::optional<content_ref>& before,
                                    const content_ref& root, const hasher& hash, const cancel_token& cancel) {
  GRAPHITE_TRY(auto walk, job_inputs::begin(before, root, hash));
  while (!walk.done()) {
    if (cancel.cancelled()) return fail(errc::cancelled, "nobody waits for it any more");
    GRAPHITE_TRY(const bool fetched, fetch_some(stores, walk));
    GRAPHITE_TRY(const bool asked, ask_some(stores, walk));
    GRAPHITE_INVARIANT(fetched || asked);
  }
  snapshot_walk out{walk.missing(), walk.missing_bytes(), walk.first_missing(), {}};
  if (out.missing == 0) out.changes = walk.take_changes();
  return out;
}

std::string told_missing(const snapshot_walk& walk) {
  return fmt::format("{} contents of the snapshot ({} bytes) are in no store, the first is {}", walk.missing,
                     walk.missing_bytes,
                     walk.first_missing.empty() ? "not known" : to_hex(walk.first_missing.front().id));
}

}  // namespace graphite
