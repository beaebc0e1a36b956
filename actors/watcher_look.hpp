#pragma once

#include "actors/watcher.hpp"

/// \file Looks at the tree, for actors/watcher.cpp: what differs, and what is left out.

namespace graphite {

using watcher_self = watcher_actor::stateful_pointer<watcher_state>;

/// Tells the graph, once.
void complain(watcher_self self, const std::string& path, const std::string& text, complaint_book::source by);
/// The cause is gone.
void take_back(watcher_self self, const std::string& path);

/// Looks at `folder` on this thread; what differs is returned, what is strange is reported.
std::vector<rescan_change> look(watcher_self self, const std::string& folder);

/// A path was in a revision: whatever the surveyor says of it is older.
void note_changed(rescan_in_progress& rescan, const std::string& path);

/// Lets the surveyor look at the whole tree and calls `done` later with what differs and nothing newer is
/// known of.
void start_rescan(watcher_self self, std::function<void(const std::vector<rescan_change>&)> done);

}  // namespace graphite
