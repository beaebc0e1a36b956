#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "coordinator/cluster/lease_table.hpp"
#include "coordinator/cluster/needs.hpp"
#include "coordinator/cluster/poison_table.hpp"
#include "coordinator/cluster/retry_policy.hpp"

/// \file What goes into a scheduler and what comes out of it (coordinator/cluster/scheduler.hpp).

namespace graphite {

/// One wish for an action that is ready to run.
struct task_spec {
  /// Inputs that steer placement at most: of more, the largest.
  static constexpr std::size_t inputs_max = 4;

  job_index job = 0;
  task_class level = task_class::job;
  std::uint64_t cookie = 0;  ///< the caller's own; comes back with each command about it
  /// Tasks of one key are one execution, and what a restarted coordinator knows running ones by. Covers all
  /// that the result depends on, the trust domain included. Zero: never merged, never adopted.
  digest key;
  shape_index shape = 0;
  rule_index rule = 0;            ///< whose durations are learned
  std::uint64_t critical_ns = 0;  ///< the longest chain that waits for it, itself included
  std::uint64_t expected_ns = 0;  ///< what this very action took before; 0: not known
  time_point wanted_since{};      ///< when what it is for was asked for: the job's, the revision's
  std::uint64_t revision = 0;     ///< of its view, for cancel_before()
  std::span<const content_use> inputs;
};

struct submitted {
  waiter_id waiter;
  task_id task;
  bool merged = false;  ///< another submission's execution: what the caller keeps for it is there already
};

/// An attempt that a node says runs there.
struct running_attempt {
  enum class state : std::uint8_t { waiting, running, ended };
  attempt_key was;                    ///< the name it was started under
  digest key;                         ///< of its task
  std::uint32_t domain = 0;           ///< among those of the hello
  task_needs needs;                   ///< as it was started with, but for the pool
  std::optional<std::uint64_t> pool;  ///< this and the rule by the numbers that outlive processes
  std::uint64_t rule = 0;
  duration ran{};
  /// What has ended takes nothing any more: it is adopted whatever the limits say.
  state is = state::running;
};

struct node_hello {
  std::string name;
  incarnation_id incarnation;
  epoch_number last_seen;  ///< the highest epoch it was ever welcomed in
  std::vector<domain_capacity> domains;
  std::vector<running_attempt> running;
  std::vector<std::string> offers =
      {};  ///< what it is and has, for requirements; at most offers_max of a node
};

struct welcome {
  node_index node = no_cluster_index;
  node_session session;
  std::vector<domain_index> domains;  ///< as in the hello
  struct verdict {
    attempt_key was;
    std::optional<attempt_key> now;  ///< it goes on under this name; nothing: stop it, its result is refused
  };
  std::vector<verdict> running;  ///< as in the hello
};

enum class report_kind : std::uint8_t {
  succeeded,
  failed,       ///< the tool said no: a result
  refused,      ///< the node's side failed
  stale_input,  ///< an input's bytes were not those of the spec
  lost_input,   ///< an input could not be had
  handed_back,  ///< it did not begin, or the node stops: also the answer to a stop
};

/// How one attempt ended, as its node says.
struct attempt_report {
  attempt_key attempt;
  report_kind kind = report_kind::failed;
  digest result;  ///< of all that the result is, for comparing; of succeeded and failed
  duration wall{}, cpu{};
  std::uint64_t memory_peak_bytes = 0;
  std::span<const content_use> outputs = {};
};

/// What to do with what a report brought.
enum class report_use : std::uint8_t {
  committed,  ///< it is the result: store it; `done` follows for each waiter. Said once for a task
  unasked,    ///< the same, of an attempt that was adopted and that nobody has asked for (yet): store it only
              ///< where there is no result
  compared,   ///< a second result: drop it
  again,      ///< no result: the task is tried again, or ends as exhausted
  dropped,    ///< nobody wants it any more
  fenced      ///< not an attempt of this reign, this session, or of now: drop it
};

enum class task_end : std::uint8_t {
  finished,   ///< a result was committed
  exhausted,  ///< tried too often: `cause`
  poisoned    ///< it is taken to kill nodes
};

/// Two results of one task that are not the same.
struct nondeterminism {
  digest key;
  std::uint64_t rule = 0;
  std::uint64_t cookie = 0;
  struct run {
    attempt_key attempt;
    std::string node;
    digest result;
    bool succeeded = false;
  };
  run first, second;  ///< `first` was committed
};

namespace schedule_commands {

/// Send it to its node: one finished() comes of it, unless the node is lost.
struct assign {
  node_session session;
  domain_index domain = 0;
  attempt_key attempt;
  std::uint64_t cookie = 0;  ///< of the submission that made the task
  enum class why : std::uint8_t { first, again, straggler, recheck } reason = why::first;
};
/// Tell the node to stop it; finished() comes all the same.
struct stop {
  node_session session;
  domain_index domain = 0;
  attempt_key attempt;
  bool if_waiting = false;  ///< only where it has not begun
};
/// This waiter has what it waited for, or will not get it.
struct done {
  waiter_id waiter = {};
  std::uint64_t cookie = 0;
  job_index job = 0;
  std::uint64_t revision = 0;
  time_point submitted{};
  attempt_key attempt;  ///< whose result was committed
  task_end how = task_end::finished;
  retry_cause cause = retry_cause::node_lost;      ///< of exhausted
  std::shared_ptr<const std::string> reason = {};  ///< for people, but where it is finished
};
/// No command will speak of this task again.
struct forget {
  task_id task;
};
struct differs {
  std::shared_ptr<const nondeterminism> what;
};
/// Nothing that is here could ever run it, nor others of its shape: they wait. Said once of a shape until
/// something could.
struct unplaceable {
  task_id task;
};
/// Its attempts go elsewhere. It has to say hello again.
struct node_lost {
  node_index node = 0;
  node_session session;
};
/// Nothing of ours is there any more.
struct drained {
  node_index node = 0;
};
/// A later coordinator reigns: nothing is given out any more.
struct deposed {};
/// Call step() then, at the latest; replaces earlier ones.
struct wake_at {
  time_point when;
};

}  // namespace schedule_commands

using schedule_command =
    std::variant<schedule_commands::assign, schedule_commands::stop, schedule_commands::done,
                 schedule_commands::forget, schedule_commands::differs, schedule_commands::unplaceable,
                 schedule_commands::node_lost, schedule_commands::drained, schedule_commands::deposed,
                 schedule_commands::wake_at>;
using schedule_command_list = std::vector<schedule_command>;

struct schedule_status {
  struct class_status {
    std::uint64_t waiting = 0, running = 0;
    duration oldest{};  ///< how long the longest waiting one has waited; none: zero
  };
  struct domain_status {
    domain_index domain = 0;
    node_index node = 0;
    bool open = true;
    std::uint64_t running = 0, ahead = 0;
    std::uint32_t cpu_milli = 0, cpu_milli_used = 0;
    std::uint64_t memory_bytes = 0, memory_bytes_used = 0;
  };
  /// Waiting tasks of a shape that no domain could hold, the first 16 shapes of them.
  struct misfit {
    std::uint64_t count = 0;
    task_id first;  ///< one of them
  };
  static constexpr std::size_t misfits_max = 16;
  std::array<class_status, task_class_count> classes{};
  std::vector<misfit> misfits;
  std::vector<domain_status> domains;
  std::uint64_t tasks = 0, waiters = 0;
  std::uint64_t delayed = 0;      ///< wait for the end of a back-off
  std::uint64_t unplaceable = 0;  ///< need more than any domain has
  std::uint64_t hedged = 0;       ///< second attempts that run now
  /// Until all of it is done, at least: the longest chain that waits or runs, and all work by all CPUs. Of
  /// what is ready; zero where nothing is. The estimate is the greater one.
  duration critical_bound{}, work_bound{};
  duration estimate() const { return std::max(critical_bound, work_bound); }
  bool in_grace = false;  ///< after a restart: waiting for nodes that may run something
  bool deposed = false;
};

/// What a coordinator has to know of its cluster after a restart; written by others.
struct cluster_memory {
  struct node {
    std::string name;
    lease_table::service how = lease_table::service::in;
    bool here = false;  ///< had a session: it may run something
    bool operator==(const node&) const = default;
  };
  std::vector<node> nodes;                  ///< ascending by number
  std::vector<poison_table::entry> poison;  ///< tenants by this scheduler's numbers
};

}  // namespace graphite
