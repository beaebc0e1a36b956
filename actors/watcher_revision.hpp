#pragma once

#include "actors/watcher_look.hpp"

/// \file Reads what has changed and reports it as a revision, for actors/watcher.cpp.

namespace graphite {

/// Tells `twins` of the files that are known from before. Once, before the first revision.
void know_names(watcher_state& state);

/// Reads `paths` as they are now, with those that change with them, and sends what is new to the graph, which
/// is also told of those that are `open` for writing. What cannot be read for now is appended to `again`.
void send_revision(watcher_self self, std::vector<std::string> paths, std::vector<std::string> open,
                   time_point noticed, std::vector<fs_event>& again);

}  // namespace graphite
