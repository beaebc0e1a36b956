#pragma once

#include <functional>
#include <memory>
#include <variant>
#include <vector>

#include "actors/facade.hpp"
#include "actors/survey.hpp"
#include "coordinator/asset_report.hpp"
#include "coordinator/build_types.hpp"
#include "core/ports/tree_watcher.hpp"

/// \file What actors of one process say to each other: immutable values behind shared pointers.

namespace graphite {

using paths_ptr = std::shared_ptr<const std::vector<std::string>>;
using events_ptr = std::shared_ptr<const std::vector<fs_event>>;
using revision_ptr = std::shared_ptr<const revision>;
using attempt_ptr = std::shared_ptr<const attempt_spec>;
using attempt_result_ptr = std::shared_ptr<const attempt_result>;
using publication_ptr = std::shared_ptr<const publication>;

/// How a request without a value ended.
struct outcome {
  std::shared_ptr<const error> failure;  ///< null: it went well
};

/// How a publication ended.
struct publish_outcome {
  std::shared_ptr<const error> failure;    ///< null: it is on disk and announced
  std::shared_ptr<const head> generation;  ///< the channel's newest head afterwards, null before the first
};

/// Rows to be written as one batch, and whether contents of the store must be on disk before them.
struct commit_request {
  std::vector<row_write> rows;
  bool sync_contents = false;
};
using commit_ptr = std::shared_ptr<const commit_request>;

/// Work to be done off the path: runs on the folding thread.
struct fold_request {
  std::function<result<void>()> work;
};
using fold_ptr = std::shared_ptr<const fold_request>;

/// A question of the facade on its way through the actors that know the answer.
struct query {
  struct build {
    build_request request;
    reply<build_summary> done;
  };
  struct status {
    std::shared_ptr<service_status> so_far;
    reply<service_status> done;
  };
  struct why {
    std::string path;
    reply<why_answer> done;
  };
  struct graph {
    graph_query what;
    reply<graph_answer> done;
  };
  struct rollback {
    std::uint64_t sequence;
    reply<head> done;
  };
  struct diff {
    std::uint64_t from, to;
    reply<generation_diff> done;
  };
  struct hold {
    duration timeout;
    reply<std::uint64_t> done;
  };
  struct release {
    std::uint64_t token;
    reply<bool> done;
  };
  struct describe {
    std::string path;
    reply<asset_report> done;
  };
  struct stale {
    std::size_t tasks_max;
    reply<stale_list> done;
  };
  struct trace {
    std::string build;
    std::uint64_t after;
    reply<trace_page> done;
  };
  /// Ends the builds whose token was cancelled. True where there were some.
  struct cancel {
    reply<bool> done;
  };
  std::variant<build, status, why, graph, rollback, diff, hold, release, describe, stale, trace, cancel> what;
};
using query_ptr = std::shared_ptr<const query>;

/// Answers `q` with `failure`, whatever was asked.
void refuse(const query& q, const error& failure);

}  // namespace graphite
