#pragma once

#include "actors/jobs/view_stores.hpp"
#include "cli/live_contents.hpp"
#include "core/needed_contents.hpp"
#include "core/ports/hasher.hpp"
#include "core/ports/log.hpp"

namespace graphite {

/// Marks what is needed with all that it names, which is read from the stores. Of what is in none of them
/// nothing more can be kept: it is marked itself. Blocks; O(files and assets), of which those of one tree or
/// list are in memory at a time. Errors: those of view_stores::read; what cannot be a tree or a list is only
/// logged.
result<void> mark_needed(const needed_contents& needed, view_stores& stores, const hasher& hash,
                         log_sink& log, const content_marker& mark);

}  // namespace graphite
