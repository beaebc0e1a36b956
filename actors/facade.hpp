#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bundle/head.hpp"
#include "core/cancel_token.hpp"
#include "core/error.hpp"
#include "core/messages/build_trace.hpp"
#include "core/units.hpp"

/// \file What a running GRAPHITE can be asked, without a word of CAF: gateway/ and cli/ speak to this.

namespace graphite {

/// Called once, from any thread; must not block.
template <class T>
using reply = std::function<void(result<T>)>;

struct diagnostic_line {
  enum class level { info, warning, error };
  level severity = level::info;
  std::string path;  ///< logical path, or empty
  std::string text;
};

/// How a build ended, in the words of `docs/cli.md`.
struct build_summary {
  std::optional<head> generation;  ///< of the default channel; absent before the first
  std::uint64_t assets = 0;
  std::uint64_t ran = 0;     ///< attempts that succeeded since the request
  std::uint64_t cached = 0;  ///< actions whose result was found
  std::uint64_t failed = 0;
  std::uint64_t behind = 0;
  std::uint64_t changed_sources = 0;
  double seconds = 0;
  double action_cpu_seconds = 0;  ///< of the tools that ran; only where the build ran in this process
  std::string bundle;             ///< absolute folder
  std::vector<diagnostic_line> diagnostics;  ///< first 100
};

struct build_request {
  bool keep_going = false;
  bool dry_run = false;  ///< `diagnostics` then lists what would run
  // Only of a service that builds on demand.
  bool as_ready = false;                  ///< shows every closure as soon as it is whole, not all or nothing
  std::vector<std::string> targets = {};  ///< only these, what they need, what is shown with them; empty: all
  cancel_token cancel = {};               ///< see local_system::cancel_builds()
};

struct running_action {
  std::string rule, path;
  double seconds = 0;
};

struct failed_asset {
  std::string path, message;
};

struct subscriber_info {
  std::string name;  ///< host:pid or address
  std::string channel;
  std::uint64_t epoch = 0, sequence = 0;  ///< what it reported last
  double seconds_ago = 0;
};

struct channel_info {
  std::string name;
  std::optional<head> newest;
  std::uint64_t behind = 0;  ///< assets of this channel that are not shown as their sources are
  std::uint64_t subscribers = 0;
};

/// One domain of the machine: the processors of a NUMA node, and how many build threads run on them.
struct domain_info {
  std::uint64_t node = 0;
  std::string cpus;  ///< "0-3,8"
  std::uint64_t threads = 0;
};

/// What the process makes of its machine, and why not more. Texts are for people.
struct machine_status {
  std::vector<domain_info> domains;
  bool pinned = false;                  ///< all threads are bound to their domain
  std::string pin_reason;               ///< why they are, or are not: where it was refused, by what
  std::string placement_reason;         ///< why memory cannot be placed on nodes; empty: it can
  std::string io_adapter, io_reason;    ///< of the C API's asynchronous I/O; why not a better one
  std::optional<double> remote_access;  ///< part of the accesses that went to another node; none: unknown
  std::string remote_source, remote_reason;
  std::string sandbox_mode, sandbox;  ///< of commands: what is asked for, and the tier that they run in
  std::string sandbox_reason;         ///< why in no stronger one; empty: there is none, or none is wanted
};

struct service_status {
  std::string project, root, state, heads_address, chunks_address, metrics_address, watch_mode, watch_reason;
  std::uint64_t pid = 0;
  double uptime_seconds = 0;
  std::uint64_t watched_folders = 0, sources = 0, assets = 0, actions = 0, stale = 0;
  bool held = false;                    ///< `graphite hold` is in force
  std::vector<running_action> running;  ///< first 100
  std::vector<failed_asset> failed;     ///< first 100
  std::uint64_t failed_count = 0;
  std::vector<channel_info> channels;
  std::vector<subscriber_info> subscribers;  ///< first 1,000
  machine_status machine;
};

/// A component of a key that differs from the key before. Absent: was, or is, not part of it.
struct key_change {
  std::string name;
  std::optional<std::string> before, after;
};

/// The stored story of one asset.
struct why_answer {
  std::string path;
  std::string rule;                  ///< empty: unmatched, a copy
  std::string state;                 ///< "up to date", "running", "failed" …: the words of `docs/cli.md`
  std::string weak_key, strong_key;  ///< hexadecimal; empty for copies
  std::vector<std::pair<std::string, std::string>> key_components;  ///< the first 256
  std::string reason;               ///< of the last run, or of the one to come
  std::vector<key_change> changed;  ///< against the key before
  std::uint64_t changed_left_out = 0;
  std::vector<std::string> chain;  ///< from the source that changed to this asset
  std::string message;             ///< of the last failure
  std::string sandbox;             ///< tier that the command of the last result ran in; empty: no command's
};

struct graph_query {
  enum class kind { path, rdeps, deps, cycles };
  kind what = kind::rdeps;
  std::string from, to;
};

struct graph_answer {
  std::vector<std::string> lines;
  std::uint64_t left_out = 0;  ///< of `rdeps` and `deps`: further ones that do not fit into an answer
};

struct generation_diff {
  std::vector<std::string> added, changed, removed;
};

/// What a collection of garbage is to do.
struct gc_request {
  std::optional<std::uint64_t> cache_bytes;  ///< instead of the project's cache_bytes_max
  bool dry_run = false;                      ///< only tells what would go from the action cache
};

/// What it did, in the words of `docs/cli.md`.
struct gc_report {
  std::uint64_t results = 0;              ///< of actions, in the cache when it began
  std::uint64_t results_dropped = 0;      ///< or to be dropped
  std::uint64_t cache_bytes = 0;          ///< of contents that only the cache kept
  std::uint64_t cache_bytes_dropped = 0;  ///< of these
  std::uint64_t freed_bytes = 0;          ///< of segments that were unlinked
  std::uint64_t segments_removed = 0;
  std::uint64_t segment_bytes = 0;  ///< in segments now
  double seconds = 0;
};

/// The resident process as one object. Thread-safe; every query first waits for a sync cookie, so a write
/// made before the call is seen. Replies may come from any thread.
class service_facade {
 public:
  virtual ~service_facade() = default;
  /// Waits until the revision with all earlier writes is closed and everything it needs has been built.
  virtual void build(build_request request, reply<build_summary> done) = 0;
  virtual void status(reply<service_status> done) = 0;
  virtual void why(std::string path, reply<why_answer> done) = 0;
  virtual void graph(graph_query query, reply<graph_answer> done) = 0;
  /// Of a build that is over: where its time went, from action `after` on. `build` as kept_traces::page()
  /// takes it. Errors: not_found, invalid_argument.
  virtual void trace(std::string build, std::uint64_t after, reply<trace_page> done) = 0;
  /// Keeps revisions back until release(), `timeout` (zero: none), or the returned token's client goes away.
  virtual void hold(duration timeout, reply<std::uint64_t> done) = 0;
  virtual void release(std::uint64_t token, reply<bool> done) = 0;
  /// Publishes an older generation's root under a new sequence.
  virtual void rollback(std::string channel, std::uint64_t sequence, reply<head> done) = 0;
  /// Between two generations of a channel, by sequence.
  virtual void diff(std::string channel, std::uint64_t from, std::uint64_t to,
                    reply<generation_diff> done) = 0;
  /// Brings the action cache within bounds and frees the space of all that nothing needs, once nothing is
  /// being built. Errors: busy (one was asked for already), unsupported, those of the store.
  virtual void gc(gc_request request, reply<gc_report> done) = 0;
  /// Ends the process in good order.
  virtual void stop() = 0;
};

}  // namespace graphite
