#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/content.hpp"
#include "core/credentials.hpp"
#include "core/error.hpp"
#include "core/project_file_name.hpp"
#include "core/transform_options.hpp"

/// \file What a build farm submits and what it hears of it, as core structs; schemas/jobs.capnp tells the
/// exchange.

namespace graphite {

/// Of one coordinator's state, from 1; never given out again.
using job_id = strong_id<struct job_tag>;

/// Named limits. A request over one is refused with too_large or invalid_argument, lists are cut short.
struct job_limits {
  static constexpr std::size_t key_bytes_min = 16, key_bytes_max = 64;
  static constexpr std::size_t request_bytes_max = 128 * KiB;  ///< of all texts of a request, 16 for each
  static constexpr std::size_t name_bytes_max = 128;  ///< of views, properties, variables, transforms
  static constexpr std::size_t label_bytes_max = 256;
  static constexpr std::size_t words_max = 4096;     ///< of a command
  static constexpr std::size_t variables_max = 512;  ///< of its environment
  static constexpr std::size_t properties_max = 64;  ///< of the platform
  static constexpr std::size_t outputs_max = 4096;   ///< of an action
  static constexpr std::size_t targets_max = 1024;   ///< of a project's job
  static constexpr std::size_t contents_max = 1024;  ///< of one question what is missing
  static constexpr std::size_t stores_max = 256;     ///< of an answer
  static constexpr std::size_t events_max = 256;     ///< of a batch
  static constexpr std::size_t batch_bytes_max = 64 * KiB;
  static constexpr std::size_t said_bytes_max = 16 * KiB;  ///< of a message, of one piece of a log
  static constexpr std::size_t failures_max = 100;         ///< told of a job; the rest is counted
  static constexpr std::size_t listed_max = 1000;
  static constexpr milliseconds deadline_max{7 * 24 * 3'600'000};
  static constexpr milliseconds timeout_max{24 * 3'600'000};  ///< of an action
  static constexpr std::uint64_t content_bytes_max = 64 * GiB;
};

/// Between jobs; what people wait for at their screens goes before all of them.
enum class job_priority : std::uint8_t { high = 0, normal = 1, low = 2, background = 3 };
std::string_view to_string(job_priority what);
std::optional<job_priority> job_priority_from_string(std::string_view text);

/// To build a project as it is in a snapshot.
struct project_job {
  content_ref snapshot;                         ///< root (docs/formats/snapshot.md)
  std::string project_file{project_file_name};  ///< its logical path there
  /// Which of the tenant's views this is the next state of: what it needs is then planned by what changed.
  /// Views of one name in different tenants have nothing in common.
  std::string view = "main";
  bool keep_going = false;
  std::vector<std::string> targets = {};  ///< logical paths of assets; empty: all
  bool operator==(const project_job&) const = default;
};

struct command_action {
  std::vector<std::string> argv;                   ///< the first is a path of the input root, or of PATH
  std::map<std::string, std::string> environment;  ///< the whole of it
  std::string working_folder;                      ///< in the input root; empty: its top
  bool operator==(const command_action&) const = default;
};

struct transform_action {
  std::string name;
  std::uint32_t version = 1;
  std::string main_input;  ///< in the input root
  option_values options;
  bool operator==(const transform_action&) const = default;
};

/// One action without a project, of the shape that the Remote Execution API has.
struct action_job {
  content_ref input_root;  ///< a snapshot
  std::variant<command_action, transform_action> what;
  std::map<std::string, std::string> platform = {};  ///< a node must have these: "os" = "linux" …
  std::vector<std::string> outputs = {};             ///< logical paths of files, ascending
  milliseconds timeout{120'000};
  std::uint64_t memory_bytes_max = 4 * GiB;
  bool use_cache = true;  ///< takes a result that is there, and keeps its own for others
  bool operator==(const action_job&) const = default;
};

struct job_request {
  /// Chosen by the client at random, once for each thing that it wants: asked again with the same key, it is
  /// the same job.
  std::string key;
  std::string label = {};  ///< for people
  job_priority priority = job_priority::normal;
  milliseconds deadline{0};  ///< from its acceptance; zero: none
  std::variant<project_job, action_job> what;
  bool operator==(const job_request&) const = default;
};

/// The snapshot that it is made from.
inline const content_ref& tree_of(const job_request& request) {
  const auto* project = std::get_if<project_job>(&request.what);
  return project != nullptr ? project->snapshot : std::get<action_job>(request.what).input_root;
}

/// Whether a peer's request is within the limits and makes sense. Errors: invalid_argument, too_large.
result<void> check_job_request(const job_request& request);

/// Who asks, as the connection proved; never what a request says.
struct job_caller {
  std::string tenant, name;
  bool every_tenant = false;  ///< may see and end jobs of others
};

enum class job_state : std::uint8_t {
  accepted = 0,  ///< it is on disk
  waiting_for_blobs = 1,
  planning = 2,
  building = 3,
  done = 4,
  failed = 5,
  cancelled = 6,
  deadline_exceeded = 7,
};
inline constexpr std::size_t job_state_count = 8;
constexpr bool is_over(job_state what) { return what >= job_state::done; }
/// "waiting for blobs": the words of `docs/cli.md`.
std::string_view to_string(job_state what);

struct job_progress {
  std::uint64_t actions = 0;  ///< known to be needed
  std::uint64_t ran = 0, cached = 0, failed = 0, running = 0;
  bool operator==(const job_progress&) const = default;
};

struct job_failure {
  std::string path, message;
  bool operator==(const job_failure&) const = default;
};

struct job_output {
  std::string path;
  content_ref content;
  bool operator==(const job_output&) const = default;
};

/// How a job ended.
struct job_outcome {
  job_state state = job_state::done;
  std::string message = {};  ///< of one that did not end well: why, and what to do
  job_progress progress = {};
  std::vector<job_failure> failures = {};  ///< the first; progress.failed counts all
  std::vector<job_output> outputs = {};    ///< of an action
  /// Of a project: what was made of it. Zero where nothing is shown.
  std::uint64_t assets = 0;
  content_ref listing = {};     ///< all of them, in the stores (bundle/asset_list.hpp)
  std::string generation = {};  ///< the listing's digest, for people: equal assets have an equal one
  bool operator==(const job_outcome&) const = default;
};

struct job_info {
  job_id id;
  std::string tenant, owner, label;
  job_priority priority = job_priority::normal;
  bool is_action = false;
  job_state state = job_state::accepted;
  std::int64_t accepted_unix_ns = 0;
  std::int64_t deadline_unix_ns = 0;             ///< zero: none
  std::int64_t ended_unix_ns = 0;                ///< zero: it goes on
  std::uint64_t missing = 0, missing_bytes = 0;  ///< contents that it waits for, as far as it was looked
  job_progress progress;
  std::optional<job_outcome> outcome = {};  ///< of one that is over; not in lists
  bool operator==(const job_info&) const = default;
};

namespace job_events {

struct state_changed {
  job_state now = job_state::accepted;
  std::string message;
  bool operator==(const state_changed&) const = default;
};
/// It waits for these to be uploaded, or for more that they lead to.
struct blobs_missing {
  std::uint64_t count = 0, bytes = 0;
  bool operator==(const blobs_missing&) const = default;
};
struct progressed {
  job_progress now;
  bool operator==(const progressed&) const = default;
};
struct action_failed {
  job_failure what;
  bool operator==(const action_failed&) const = default;
};

}  // namespace job_events

/// Numbers ascend within a job, over restarts too; they are not without gaps.
struct job_event {
  std::uint64_t number = 0;
  std::int64_t unix_ns = 0;
  std::variant<job_events::state_changed, job_events::blobs_missing, job_events::progressed,
               job_events::action_failed>
      what;
  bool operator==(const job_event&) const = default;
};

/// What an action's tool said.
struct job_log_piece {
  std::uint64_t number = 0;
  std::int64_t unix_ns = 0;
  std::string path;  ///< of the asset, or of the action's first output
  std::string text;
  bool operator==(const job_log_piece&) const = default;
};

/// Some of what there is behind a number.
template <class Item>
struct job_batch {
  std::vector<Item> items;     ///< ascending by number
  std::uint64_t left_out = 0;  ///< before them, that are kept no more
  /// Of events, where it begins after a gap, or is the first: how the job stands.
  std::optional<job_info> summary = {};
  std::uint64_t last = 0;  ///< number to go on behind
  bool over = false;       ///< nothing will follow
};
using job_event_batch = job_batch<job_event>;
using job_log_batch = job_batch<job_log_piece>;

struct job_accepted {
  job_info job;
  bool known = false;  ///< it was there before
};

struct missing_request {
  job_id job;
  std::vector<content_ref> contents;
  curve_key client;  ///< with which the client will meet the stores
};

struct store_place {
  std::string address;  ///< HOST:PORT
  curve_key key;        ///< that it proves there; zero: it speaks without keys
  bool operator==(const store_place&) const = default;
};

/// What has to be uploaded, where, and by what right.
struct missing_answer {
  std::vector<std::uint32_t> missing;  ///< places in the question, ascending
  std::vector<store_place> stores;     ///< alive ones
  std::uint32_t copies = 1;
  byte_vector ticket;  ///< core/store_pass.hpp; empty: the stores ask for none
  std::int64_t until_unix_ns = 0;
};

struct job_filter {
  bool open_only = false;
  job_id before;             ///< older ones than this; zero: the newest
  std::uint32_t most = 100;  ///< at most job_limits::listed_max
};

}  // namespace graphite
