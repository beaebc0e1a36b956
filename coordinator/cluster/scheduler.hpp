#pragma once

#include <memory>

#include "coordinator/cluster/fair_queue.hpp"
#include "coordinator/cluster/hedging.hpp"
#include "coordinator/cluster/learned_rules.hpp"
#include "coordinator/cluster/placement.hpp"
#include "coordinator/cluster/schedule_types.hpp"

namespace graphite {

struct scheduler_options {
  epoch_number epoch;
  fair_queue_options queue;
  placement_options placement;
  lease_options leases;
  retry_options retries;
  hedging_options hedging;
  learned_rules_options rules;
  std::size_t tasks_max = 1'000'000, waiters_max = 2'000'000, jobs_max = 100'000, tenants_max = 1'024;
  std::size_t poison_max = 4'096;
  std::size_t domains_max = 4'096;  ///< of all nodes
  std::size_t domains_of_node_max = 64;
  std::size_t running_listed_max = 16'384;  ///< of one hello
  std::size_t offers_max = 2'048;           ///< the same
  /// A task that fits nowhere though a domain is large enough has one kept free for it after so long; at most
  /// a quarter of the domains, and always one.
  duration reserve_after = seconds(5);
  std::uint64_t critical_ns_max = 3'600'000'000'000;
  /// Memory that counts as one CPU for a tenant's share.
  std::uint64_t memory_per_cpu_bytes = 4 * GiB;
  /// A node that refused an attempt gets nothing for so long, doubled each time up to `pause_max`.
  duration pause = milliseconds(250), pause_max = seconds(30);
  duration grace = seconds(2);             ///< after a restart, for nodes to say what they run
  duration orphan_patience = seconds(60);  ///< and for jobs to ask for it again
};

struct scheduler_impl;

/// Which node runs what, when: for all jobs and tenants of a coordinator.
///
/// It sees tasks that are ready, not graphs: a view (build_engine) or a job says what is ready and how long
/// the chain behind it is. Order: coordinator/cluster/fair_queue.hpp; place: placement.hpp; credit:
/// domain_slots.hpp; who is alive: lease_table.hpp; again: retry_policy.hpp; stragglers: hedging.hpp.
///
/// Pure: events in, commands out, time as an argument (it never goes back), one thread; the same events give
/// the same commands. Commands pile up until step(), which also gives out work: call it after each batch
/// of events. Costs: an event is O(log tasks), a step O(domains) for each attempt it gives out. Invariants:
/// no domain, pool or tenant is over its limits; a task's result is committed once, and only from an attempt
/// of this epoch whose node holds its lease; a task with a waiter ends, as long as nodes come that fit it.
/// Nobody starves: fair_queue names the bounds of the order; a task that is large waits at most reserve_after
/// and as long as what then runs on one domain, once it is its turn.
///
/// What it takes for granted: messages of a session arrive in order and all of them, or the session ends
/// (gone(), or a new hello of the same start); a node keeps what has ended until a session takes the report,
/// and tells of it in the next hello as running. A task is one execution while it is known here; that a
/// result exists already is for the caller to look up before it submits. What it keeps for a task it keeps
/// until `forget`.
class scheduler {
 public:
  explicit scheduler(const scheduler_options& options);
  ~scheduler();
  scheduler(scheduler&&) noexcept;
  scheduler& operator=(scheduler&&) noexcept;

  struct tenant_limits {
    std::uint32_t weight = fair_queue::weight_default;  ///< 1 … fair_queue::weight_max
    std::uint64_t cpu_milli_max = ~std::uint64_t{0};    ///< at once
  };
  /// Errors: busy (tenants_max), invalid_argument (weight).
  result<tenant_index> add_tenant(const tenant_limits& limits);
  result<void> set_tenant(tenant_index tenant, const tenant_limits& limits);
  /// What a rule limits itself to, by a number that outlives processes. Errors: invalid_argument (0 at once),
  /// busy (usage_limits::pools_max).
  result<pool_index> pool(std::uint64_t number, std::uint32_t at_once);
  /// What a node has to be or have, each of `names` (node_hello::offers). Errors: as
  /// requirement_table::intern.
  result<requirement_index> requirement(std::vector<std::string> names);
  /// Errors: as shape_table::intern; invalid_argument (no such pool or requirement).
  result<shape_index> shape(const task_needs& needs);
  const task_needs& needs(shape_index shape) const;
  rule_index rule(std::uint64_t number);
  learned_rules& rules();

  /// Errors: busy (jobs_max), not_found (tenant).
  result<job_index> open_job(tenant_index tenant);
  /// Cancels what is left of it; its number may be given out again. Errors: not_found.
  result<void> close_job(job_index job);

  /// Errors: not_found (job, shape, rule), busy (tasks_max, waiters_max), action_failed (poison; the reason).
  result<submitted> submit(const task_spec& what, time_point now);
  /// The waiter is gone, without a `done`; others of its task are left alone. False: it was gone before.
  bool cancel(waiter_id waiter);
  void cancel_job(job_index job);
  void cancel_tenant(tenant_index tenant);
  /// What the job submitted for earlier revisions than this.
  void cancel_before(job_index job, std::uint64_t revision);
  /// Errors: not_found.
  result<void> forgive(tenant_index tenant, const digest& key);

  /// A node comes, or comes again. Attempts it runs are adopted where their task waits, or where it is not
  /// known yet and a restart was lately. Errors: as lease_table::hello; invalid_argument (no domains, beyond
  /// the limits).
  result<welcome> hello(const node_hello& what, time_point now);
  /// Errors: as lease_table::heard.
  result<void> heard(node_session session, epoch_number epoch, time_point now);
  /// It stops in good order: gets nothing more, waiting attempts are taken back; after `deadline` all.
  void leaving(node_session session, time_point deadline, time_point now);
  /// Its connection is gone.
  void gone(node_session session, time_point now);
  report_use finished(node_session session, const attempt_report& what, time_point now);

  /// By name; holds over restarts of the node. `deadline`: of draining; then all is taken back.
  /// Errors: busy (lease_options::nodes_max).
  result<void> set_service(const std::string& node, lease_table::service how, time_point deadline,
                           time_point now);

  /// While it is held nothing is given out; what runs goes on.
  void hold(bool held);
  /// All commands since the last call of this or step(), in order; time stands still, nothing is given out.
  schedule_command_list take();
  /// Time passes, work is given out; all commands since the last call, in order.
  schedule_command_list step(time_point now);

  /// O(tasks).
  schedule_status status(time_point now) const;
  const lease_table& leases() const;
  cluster_memory remember() const;
  /// Before the first event. Nothing is given out until all nodes that were here have said hello, or `grace`
  /// is over.
  void recall(const cluster_memory& what, time_point now);

 private:
  std::unique_ptr<scheduler_impl> impl_;
};

}  // namespace graphite
