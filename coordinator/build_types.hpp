#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bundle/head.hpp"
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
  time_point edited{};      ///< newest mtime of the change, mapped to the monotonic clock; zero: unknown
  time_point noticed{};     ///< first event read from the kernel
  time_point hashed{};      ///< revision closed, content confirmed
  time_point invalidated{}; ///< stale set known
  time_point scheduled{};   ///< actions handed out
  time_point built{};       ///< last output stored
  time_point published{};   ///< journal record synced
};

/// A closed set of source changes.
struct revision {
  revision_id id;
  trace_id trace;
  std::vector<source_change> changes;  ///< ascending by path, one entry a path
  bool complete_scan = false;          ///< `changes` names every source there is: others are gone
  stage_times times;
};

/// One execution of an action on one node: everything the node needs.
struct attempt_input {
  logical_path path;
  content_ref content;
  bool generated = false;  ///< in the chunk store; otherwise a file of the view
};

struct attempt_spec {
  action_id action;
  attempt_number attempt;
  epoch_number epoch;
  trace_id trace;
  std::string rule;                     ///< name, for people
  logical_path main_input;
  std::vector<attempt_input> inputs;    ///< all it may read, main input included, ascending by path
  std::vector<std::string> outputs;     ///< expanded; with wildcards where known after the run only
  std::shared_ptr<const command_spec> command;
  std::map<std::string, std::string> environment;
  digest weak_key;
};

/// An output's bytes: in the chunk store, durable.
struct attempt_output {
  logical_path path;
  content_ref content;
  auto operator<=>(const attempt_output&) const = default;
};

enum class attempt_status {
  succeeded,
  failed,      ///< the tool said no: a result for this key's user to see, retried on the next event
  stale_input, ///< an input's bytes were no longer those of the spec
  cancelled,
  refused      ///< our side failed (disk full …): retried later
};

struct attempt_result {
  action_id action;
  attempt_number attempt;
  attempt_status status = attempt_status::failed;
  std::vector<attempt_output> outputs;                    ///< ascending by path
  std::optional<std::vector<logical_path>> discovered;    ///< from the depfile, ascending; absent: no depfile
  std::string message;                                    ///< of a failure: what the tool said, ≤ 16 KiB
  std::string log;                                        ///< tail of both streams, ≤ 16 KiB
  duration wall{}, cpu{};
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
