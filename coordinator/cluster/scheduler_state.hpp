#pragma once

#include <set>

#include "coordinator/cluster/digest_index.hpp"
#include "coordinator/cluster/scheduler.hpp"
#include "coordinator/cluster/slot_table.hpp"
#include "coordinator/cluster/timer_queue.hpp"
#include "coordinator/cluster/usage_limits.hpp"
#include "core/planted_bug.hpp"

/// \file Private to coordinator/cluster/scheduler*.cpp.
///
/// A task is *waiting* (in the queue), *delayed* (a timer brings it back), *running* (one or two attempts),
/// *settled* (its result is committed, another attempt goes on for comparison) or *dropped* (nobody wants
/// it, an attempt has not stopped yet). Its record goes when it is none of these. An attempt is known by its
/// handle, twice the task's slot plus which of the two it is, to the domains; by its attempt_key to nodes.

namespace graphite {

struct live_attempt {
  std::uint32_t number = 0;  ///< 0: none
  domain_index domain = 0;
  node_session session;
  bool begun = false;      ///< as far as is known here (domain_slots)
  bool straggled = false;  ///< it is the second of two
  bool suspect = false;    ///< counted as one at its domain
  bool stopping = false;
  bool over = false;          ///< adopted, and ended: its result is on the way
  shape_index shape = 0;      ///< what it takes of its domain; the task's may have become another since
  time_point since{};         ///< when it began; when it was sent, before that
  std::uint64_t cost_ns = 0;  ///< what its tenant was charged
  tenant_index tenant = 0;
  task_class level = task_class::job;
};

struct task_record {
  enum class phase : std::uint8_t { waiting, delayed, running, settled, dropped };

  phase is = phase::waiting;
  task_class level = task_class::job;  ///< these three are of the waiter that is most urgent
  bool recheck = false;
  bool orphan = false;  ///< adopted; nobody has asked for it yet
  std::uint8_t input_count = 0;
  tenant_index tenant = 0;
  std::int64_t rank = 0;
  shape_index shape = 0;
  rule_index rule = 0;
  std::uint64_t order = 0, cookie = 0;
  std::uint64_t expected_ns = 0, own_ns = 0, critical_ns = 0;
  time_point waiting_since{};
  std::uint32_t first_waiter = no_cluster_index;
  std::uint32_t attempts_made = 0;
  retry_history retries;
  std::array<live_attempt, 2> live;
  std::array<content_use, task_spec::inputs_max> inputs{};
  digest key;
  // Of settled ones.
  node_index not_on = no_cluster_index;  ///< who made the result
  digest result;
  attempt_key result_of;
  bool result_succeeded = false;
};

struct waiter_record {
  std::uint32_t task = 0;
  job_index job = 0;
  std::uint64_t cookie = 0, revision = 0, order = 0, critical_ns = 0;
  std::int64_t rank = 0;
  time_point submitted{};
  task_class level = task_class::job;
  std::uint32_t task_next = no_cluster_index, task_previous = no_cluster_index;
  std::uint32_t job_next = no_cluster_index, job_previous = no_cluster_index;
};

struct job_record {
  bool open = false;
  tenant_index tenant = 0;
  std::uint32_t first_waiter = no_cluster_index;
};

struct node_state {
  node_session session;
  std::vector<domain_index> domains;
  bool leaving = false;
  bool drain_told = true;
  std::vector<std::uint64_t> blamed;  ///< tasks that its last loss blamed
};

struct domain_pause {
  content_index::holder serial = 0;  ///< whose it is
  duration last{};
  bool paused = false;
};

struct schedule_timer {
  enum class kind : std::uint8_t {
    straggler,
    compare_over,
    retry,
    resume,
    drain_over,
    orphans_over,
    grace_over
  };
  kind what = kind::retry;
  std::uint64_t id = 0;      ///< a task, a session, or a domain with its serial above it
  std::uint32_t number = 0;  ///< an attempt's
};

struct scheduler_impl {
  explicit scheduler_impl(const scheduler_options& given);

  scheduler_options options;
  fair_queue queue;
  placement places;
  lease_table leases;
  retry_policy retries;
  hedging hedges;
  learned_rules rules;
  shape_table shapes;
  usage_limits limits;
  poison_table poison;

  slot_table<task_record> tasks;
  slot_table<waiter_record> waiters;
  digest_index keys;  ///< of tasks that are waiting, delayed or running
  std::vector<job_record> jobs;
  std::vector<job_index> free_jobs;
  std::vector<bool> tenants;
  std::vector<node_state> nodes;     ///< by node_index
  std::vector<domain_pause> pauses;  ///< by domain_index
  timer_queue<schedule_timer> timers;

  schedule_command_list out;
  time_point now{};
  std::uint64_t orders = 0;
  std::uint64_t busy_milli = 0, hedged_milli = 0;
  std::size_t hedged_count = 0, rechecks = 0, delayed = 0, nodes_here = 0;
  bool deposed_told = false;
  bool held = false;

  // Giving out.
  std::uint64_t capacity_version = 1;  ///< changes when something may fit that did not
  bool alone_told = false;             ///< `unplaceable` was said, and no node has come since
  std::vector<bool> impossible_told;   ///< by shape: `unplaceable` was said, and nothing can run it yet
  std::vector<std::uint64_t> nowhere;  ///< by shape: the version at which it fitted nowhere
  struct reservation {
    domain_index domain = 0;
    std::uint64_t task = 0;
  };
  std::vector<reservation> reservations;
  std::vector<std::uint32_t> aside;             ///< tasks kept out of the queue while a step looks at others
  std::vector<domain_slots::attempt> promoted;  ///< kept for its memory

  // After a restart.
  std::vector<std::string> awaited;
  std::optional<time_point> grace_until;
  std::set<digest> settled_in_grace;  ///< keys: another attempt of one is no orphan

  // scheduler_jobs.cpp: what is wanted.
  result<submitted> submit(const task_spec& what);
  void ask_for_orphan(task_record& task, const task_spec& what);
  std::uint32_t make_task(const task_spec& what, const job_record& job);
  waiter_id add_waiter(std::uint32_t slot, const task_spec& what);
  bool lead(task_record& task) const;
  void became_urgent(std::uint32_t slot);
  void unlink(std::uint32_t waiter);
  void drop_waiter(std::uint32_t waiter);
  void unwanted(std::uint32_t slot);
  void cancel_all(job_index job, std::uint64_t before);
  void release(std::uint32_t slot);
  void end_waiters(std::uint32_t slot, const schedule_commands::done& how);

  // scheduler_give.cpp: giving out.
  void give_out();
  bool give(std::uint32_t slot);
  placement::request request_of(std::uint32_t slot) const;
  void assign(std::uint32_t slot, const placement::choice& where, schedule_commands::assign::why why);
  live_attempt& place_attempt(std::uint32_t slot, const placement::choice& where, bool second, bool over);
  void begun(domain_slots::attempt handle);
  void tell_alone();
  void fits_nowhere(std::uint32_t slot, const placement::request& what);
  void use_reservations();
  void put_in_queue(std::uint32_t slot);
  std::uint64_t cost_of(const task_needs& needs, std::uint64_t wall_ns) const;
  void hedge(std::uint32_t slot, std::uint32_t number);

  // scheduler_results.cpp: how attempts end.
  report_use finished(node_session session, const attempt_report& what);
  void learn(const task_record& task, const live_attempt& attempt, const attempt_report& what);
  report_use result_came(std::uint32_t slot, live_attempt attempt, const attempt_report& what);
  void compare(const task_record& task, const live_attempt& attempt, const attempt_report& what);
  bool begin_recheck(std::uint32_t slot);
  live_attempt take_off(std::uint32_t slot, std::size_t which, std::optional<duration> wall);
  void try_again(std::uint32_t slot, const live_attempt& after, retry_cause cause);
  void give_up(std::uint32_t slot, task_end how, retry_cause cause);
  void stop_attempts(std::uint32_t slot);
  void stop(std::uint32_t slot, live_attempt& attempt, bool if_waiting);
  void maybe_release(std::uint32_t slot);

  // scheduler_nodes.cpp: who is there.
  result<welcome> hello(const node_hello& what);
  std::optional<attempt_key> adopt(const running_attempt& one, domain_index domain);
  std::optional<std::uint32_t> adoptable(const running_attempt& one, domain_index domain);
  std::uint32_t make_orphan(const running_attempt& one, shape_index shape);
  std::vector<domain_slots::attempt> attempts_of(node_index node) const;
  void lose(node_index node, node_session session, bool died);
  void pardon(node_index node);
  void refused(domain_index domain);
  void reopen(node_index node);
  bool takes_more(node_index node) const;
  void take_back(node_index node, bool all);
  void tell_drained();
  void end_grace();
  void end_orphans();
  void due(const schedule_timer& timer);
  void awaited_came(const std::string& name);
  void recall(const cluster_memory& what);

  // scheduler.cpp, scheduler_status.cpp
  void step();
  schedule_status status(time_point at) const;

  attempt_key key_of(std::uint32_t slot, std::uint32_t number) const {
    return {options.epoch, task_id{tasks.id_of(slot)}, attempt_number{number}};
  }
  static domain_slots::attempt handle_of(std::uint32_t slot, std::size_t which) {
    return slot * 2 + static_cast<domain_slots::attempt>(which);
  }
  std::uint32_t task_of(const digest& key) const {
    return keys.find(key, [&](std::uint32_t slot) { return tasks.at(slot).key == key; });
  }
  /// What it takes of its domain and of limits.
  const task_needs& taken_by(const live_attempt& one) const {
    static constexpr task_needs nothing{.cpu_milli = 0};
    return one.over ? nothing : shapes.at(one.shape);
  }
  const task_needs& needs_of(const task_record& task) const { return shapes.at(task.shape); }
  static std::size_t live_count(const task_record& task) {
    return static_cast<std::size_t>(task.live[0].number != 0) + (task.live[1].number != 0);
  }
};

}  // namespace graphite
