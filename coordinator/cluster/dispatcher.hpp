#pragma once

#include <functional>
#include <memory>

#include "coordinator/cluster/cluster_rows.hpp"
#include "coordinator/cluster/dispatch_types.hpp"
#include "coordinator/cluster/scheduler.hpp"
#include "core/ports/hasher.hpp"

namespace graphite {

struct dispatcher_options {
  scheduler_options schedule;
  /// Of what one `work` says, about; a single larger assignment goes alone.
  std::size_t message_bytes = 256 * KiB;
  std::size_t recipes_max = 65'536;
  std::size_t session_recipes_max = control_limits::recipes_max;  ///< that a node keeps; at most these
  std::size_t commit_results_max = 4'096;                         ///< of one batch
  std::size_t commits_max = 4;                                    ///< batches that wait for the disk at once
  /// With more results than this uncommitted nothing is given out, until the disk takes them.
  std::size_t uncommitted_max = 65'536, uncommitted_bytes_max = 256 * MiB;
  /// After a commit has failed, doubled each time up to …
  duration commit_again = milliseconds(100), commit_again_max = seconds(10);
  duration acknowledge_within = milliseconds(20);  ///< with a `work` that goes anyway, else alone
  duration join_within = seconds(10);              ///< of a link: then it is hung up
  duration leave_within = seconds(30);   ///< a node that leaves: what it has not said then is taken back
  duration learned_every = seconds(10);  ///< what was learned of rules is told, where it has changed
};

struct dispatcher_impl;

/// The coordinator's side of control sessions (core/messages/control.hpp): what the scheduler gives out goes
/// to nodes with all that they need, in batches; how it ended comes back, is made durable, and only then told
/// to those who wait and acknowledged to the node.
///
/// Pure: events in, commands out, time as an argument (it never goes back), one thread; the same events give
/// the same commands. Commands pile up until step(): call it after each batch of events, and when it asked to
/// be woken. Invariants: each waiter gets one `done` (none once it was cancelled); a result is committed
/// once, and acknowledged only when it (or the one of its task that counts) and all before it in its session
/// are safe; a recipe is said before the first assignment that names it. A commit that fails is said again
/// after a while, until it succeeds: meanwhile nothing is acknowledged or told, and nodes stop at what they
/// may keep.
///
/// A task whose result waits for the disk is still one execution: who submits it then gets that result.
/// Bound: what the scheduler bounds, and `uncommitted_max` with what runs at that moment.
class dispatcher {
 public:
  dispatcher(const dispatcher_options& options, std::shared_ptr<const hasher> hash);
  ~dispatcher();
  dispatcher(dispatcher&&) noexcept;
  dispatcher& operator=(dispatcher&&) noexcept;

  // Tenants, jobs, recipes.

  /// The tenant of this name, from now on with these limits. Errors: busy (tenants_max), invalid_argument.
  result<tenant_index> tenant(const std::string& name, const scheduler::tenant_limits& limits);
  /// Errors: busy (jobs_max), not_found (tenant).
  result<job_index> open_job(tenant_index tenant);
  /// Cancels what is left of it; its number may be given out again. Errors: not_found.
  result<void> close_job(job_index job);
  /// Nodes that lack one of its tools, or of `platform`, never get it. `what.number` and `what.pool` are not
  /// looked at. Equal ones are one; each call is undone by a drop_recipe(). Errors: invalid_argument (no
  /// transform, needs that cannot be), too_large (for a message, beyond control_limits), busy (recipes_max,
  /// shapes, pools or names of resources).
  result<recipe_id> add_recipe(const control::recipe& what, const std::optional<rule_pool>& pool = {},
                               const std::vector<control::property>& platform = {});
  /// Tasks that are submitted keep it.
  void drop_recipe(recipe_id recipe);
  /// What is missing where none of the nodes that are here could ever run it, for people. Nothing where one
  /// could, and where no node is here. O(nodes).
  std::optional<std::string> misfit(recipe_id recipe) const;

  // What is wanted.

  /// Errors: as scheduler::submit; not_found (recipe); too_large (its assignment for a message, or beyond
  /// control_limits).
  result<waiter_id> submit(dispatch_task what, time_point now);
  /// No `done` comes any more. False: it came, or never will.
  bool cancel(waiter_id waiter);
  void cancel_job(job_index job);
  void cancel_tenant(tenant_index tenant);
  void cancel_before(job_index job, std::uint64_t revision);
  /// An action that was taken to kill nodes may run again. Errors: not_found.
  result<void> forgive(tenant_index tenant, const digest& key);

  // Nodes.

  /// Somebody has proved to be the node `name`, and has to join.
  void connected(link_id link, std::string name, time_point now);
  /// In order. What breaks the protocol ends the session: the node is told why, then it is hung up.
  void received(link_id link, to_coordinator message, time_point now);
  /// The link is gone. Of one that is not known (any more): nothing.
  void disconnected(link_id link, time_point now);
  /// Holds over restarts of the node. `deadline`: of draining; then all is taken back. Errors: busy.
  result<void> set_service(const std::string& node, lease_table::service how, time_point deadline,
                           time_point now);
  /// Said to each node, at once and when one joins. At most control_limits::stores_max; copies at least 1.
  /// `away`: see control::settings.
  void set_stores(std::uint32_t copies, std::vector<control::store_address> stores, duration away = {});
  /// The same, where it is another list than before; an empty one is not said. At most
  /// control_limits::revocations_bytes_max.
  void set_revocations(const control::revocations& list);
  /// To whoever asked by this link; of one that is gone: nothing.
  void answer(link_id link, control::need_answer what);
  /// Contents that tasks need which wait or run, and that results name which are not durable yet. O(all).
  void each_needed(const std::function<void(const digest&)>& tell) const;

  // The disk.

  /// The batch of this number is durable; or it is not, in no part, and will be said again. Of another
  /// number: nothing.
  void committed(std::uint64_t batch, const result<void>& how, time_point now);

  /// Time passes, work is given out: all commands since the last call, in order.
  dispatch_command_list step(time_point now);

  // What outlives processes, and what people see.

  cluster_record remember() const;
  /// Before the first event. Tenants that are named get the default limits until tenant() says others.
  void recall(const cluster_record& what, time_point now);
  /// Before the first event.
  void restore(const learned_rules::row& rule);
  /// What nineteen of twenty attempts of a rule need; nothing where too few have run.
  struct learned {
    std::optional<std::uint64_t> memory_bytes;
    std::optional<std::uint32_t> cpu_milli;
  };
  learned learned_of(std::uint64_t rule_number);
  /// O(tasks).
  dispatch_status status(time_point now) const;
  dispatch_counts count() const;

 private:
  std::unique_ptr<dispatcher_impl> impl_;
};

}  // namespace graphite
