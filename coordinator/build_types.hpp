#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bundle/head.hpp"
#include "core/attempt.hpp"
#include "core/content.hpp"
#include "core/logical_path.hpp"
#include "core/ports/file_reader.hpp"
#include "core/ports/key_value_store.hpp"
#include "core/project.hpp"
#include "core/source.hpp"
#include "core/stage_times.hpp"
#include "core/units.hpp"

/// \file The words that the watcher, the graph, the rebuild slots and the channel exchange.

namespace graphite {

/// A source that is there but could not be read: the disk is full, it may not be opened, it fails.
struct unread_source {
  logical_path path;
  std::string why;
};

/// A closed set of source changes.
struct revision {
  revision_id id;
  trace_id trace;
  std::vector<source_change> changes;  ///< ascending by path, one entry a path
  std::vector<unread_source> unread;   ///< keep what they were; failed until a later change names them
  /// All sources that somebody has open for writing, ascending: they keep what they were, and what hangs
  /// together with them waits until a later revision names them no more.
  std::vector<logical_path> open;
  bool complete_scan = false;  ///< `changes` names every source there is: others are gone
  stage_times times;
};

/// What the graph wants the channel to show next.
struct publication {
  revision_id revision;
  trace_id trace;
  asset_changes changes;
  behind_list behind;
  std::vector<row_write> rows;  ///< to be committed in the same batch
  stage_times times;
  std::string id = {};  ///< which one it is, of all there ever were in the state folder; the graph actor's
  /// `changes.upserts` is all there is to show: what else a channel shows goes, but for what is `uncertain`.
  bool complete = false;
  std::vector<logical_path> uncertain = {};  ///< shown, with contents that are not known: stay as they are
};

}  // namespace graphite
