#pragma once

#include "actors/bundle_archive.hpp"
#include "actors/survey.hpp"
#include "coordinator/channel.hpp"
#include "coordinator/engine.hpp"
#include "core/ports/chunk_store.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/log.hpp"
#include "core/ports/random.hpp"

/// \file What a process finds when it starts: rows, journal and bundle folders become live state again.

namespace graphite {

/// Who reigns now.
struct reign {
  lineage_id lineage;
  epoch_number epoch;
  bool first = false;  ///< the state folder is new
};

/// Takes the next epoch: max(last + 1, Unix seconds), on disk when it returns.
/// Errors: corrupt; invalid_argument where the last epoch lies over a day in the future (a wrong clock).
result<reign> begin_reign(key_value_store& rows, random_source& random, std::int64_t unix_ns);

/// A channel as its journal and folder say.
struct restored_channel {
  std::shared_ptr<channel_core> core;
  std::vector<std::uint64_t> unfolded;  ///< sequences whose records must be folded
  /// The publication that it shows, "" before the first; nothing where that is not known to be the newest
  /// that the graph's rows tell of: after a crash, for a new channel or one that shows other assets now.
  std::optional<std::string> follows;
};

/// The newest publication that the graph's rows on disk tell of; empty before the first. Errors: io.
result<std::string> newest_publication(const key_value_store& rows);

/// Opens the folder and replays the journal's records on top; small contents are held again.
/// Errors: corrupt (a record that does not lead to its own root), those of the archive and the store.
result<restored_channel> restore_channel(const channel_spec& spec, const reign& now, bundle_archive& archive,
                                         key_value_store& rows, chunk_store& contents, const hasher& hash);

/// Loads the view's rows. A damaged row is logged and its sources count as never seen.
engine_command_list load_engine(build_engine& engine, const key_value_store& rows, log_sink& log);

/// The watcher's starting point.
std::shared_ptr<guarded_sources> known_from(const build_engine& engine);

}  // namespace graphite
