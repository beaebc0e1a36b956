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
#include "core/scanned_reference.hpp"
#include "core/units.hpp"

/// \file The words that the watcher, the graph, the rebuild slots and the channel exchange.

namespace graphite {

/// What is known of a source file's present bytes.
struct source_state {
  content_ref content;
  stat_signature signature;
  std::vector<scanned_reference> references;
};

struct source_change {
  logical_path path;
  std::optional<source_state> now;  ///< absent: the file is gone
};

/// Clock readings of one change's way, CLOCK_MONOTONIC; zero: not reached.
struct stage_times {
  time_point edited{};       ///< newest mtime of the change, mapped to the monotonic clock; zero: unknown
  time_point noticed{};      ///< first event read from the kernel
  time_point hashed{};       ///< revision closed, content confirmed
  time_point invalidated{};  ///< stale set known
  time_point scheduled{};    ///< actions handed out
  time_point built{};        ///< last output stored
  time_point published{};    ///< journal record synced
};

/// A closed set of source changes.
struct revision {
  revision_id id;
  trace_id trace;
  std::vector<source_change> changes;  ///< ascending by path, one entry a path
  bool complete_scan = false;          ///< `changes` names every source there is: others are gone
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
};

}  // namespace graphite
