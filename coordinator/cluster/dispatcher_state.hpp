#pragma once

#include <map>
#include <unordered_map>

#include "coordinator/cluster/commit_queue.hpp"
#include "coordinator/cluster/dispatcher.hpp"
#include "coordinator/cluster/recipe_book.hpp"
#include "coordinator/cluster/result_window.hpp"
#include "coordinator/cluster/work_batch.hpp"
#include "core/planted_bug.hpp"

/// \file Private to coordinator/cluster/dispatcher*.cpp.
///
/// A result goes from its session (results come in order) to the scheduler, which says what it is. One that
/// counts lies in `uncommitted` and in the commit queue, and with it those who wait for it, until the disk
/// has it. A wish for a key that lies there is not the scheduler's any more: it is a *late* one, with a
/// number below 2^32, which no waiter of the scheduler has.

namespace graphite {

/// A connection, from connected() until it is gone or hung up.
struct dispatch_link {
  std::string name;
  time_point join_by{};
  node_session session;  ///< zero: has not joined
};

/// From a join until the scheduler has said that its session is lost.
struct dispatch_session {
  link_id link;  ///< zero: hung up or gone
  std::string name, why;
  node_index node = 0;
  std::shared_ptr<const control::join> offer;
  std::vector<domain_index> domains;
  result_window results;
  work_batch work;
  std::optional<time_point> acknowledge_by;
  bool leaving = false, draining = false;
  bool refuses = false;  ///< the last attempts, as was told
};

/// An execution that the scheduler knows.
struct dispatch_record {
  struct given {
    std::uint32_t number = 0;  ///< 0: none
    node_session session;
    std::uint32_t domain = 0;  ///< of its node
    schedule_commands::assign::why reason = schedule_commands::assign::why::first;
    time_point at{};
  };
  task_id task;  ///< zero: none
  digest key;
  std::shared_ptr<const dispatch_task> what;  ///< null where nobody has asked for it
  std::array<given, 2> attempts;              ///< the scheduler has no more of one task
  std::vector<digest> lost;                   ///< as the last attempt said that had no input
  std::string why;                            ///< as the last attempt said that was no result
};

struct held_waiter {
  waiter_id waiter;
  std::uint64_t cookie = 0;
  job_index job = 0;
  std::uint64_t revision = 0;
  time_point submitted{};
};

struct uncommitted_result {
  struct place {
    node_session session;
    std::uint64_t number = 0;  ///< in the session
  };
  std::shared_ptr<const finished_attempt> what;
  std::vector<place> places;  ///< of it, and of others of its task that came since
  std::vector<held_waiter> waiters;
};

struct dispatcher_impl {
  dispatcher_impl(const dispatcher_options& given, std::shared_ptr<const hasher> hash);

  dispatcher_options options;
  std::shared_ptr<const hasher> hash;
  scheduler schedule;
  recipe_book recipes;
  commit_queue commits;

  std::map<std::string, tenant_index> tenants;
  std::vector<std::string> tenant_names;
  std::vector<std::optional<tenant_index>> jobs;  ///< by job; nothing: not open

  std::map<link_id, dispatch_link> links;
  std::map<node_session, dispatch_session> sessions;
  std::map<std::string, node_session> session_of;  ///< by name: the newest
  std::vector<dispatch_record> records;            ///< by the place in the task's number
  std::size_t record_count = 0;

  std::unordered_map<std::uint64_t, uncommitted_result> uncommitted;  ///< by task
  std::unordered_map<digest, std::uint64_t> uncommitted_keys;
  std::unordered_map<std::uint64_t, std::uint64_t> held;  ///< waiter to task
  std::uint64_t last_late = 0;

  std::uint32_t copies = 1;
  std::vector<control::store_address> stores;
  duration store_away{};
  control::revocations revoked;
  std::optional<time_point> learned_due;

  dispatch_command_list out;
  std::vector<dispatch_commands::done> dones;
  bool remember_due = false;
  std::optional<time_point> schedule_wakes;
  time_point now{};

  void advance(time_point at) { now = std::max(now, at); }

  // dispatcher_tasks.cpp: what is wanted.
  result<void> check(const dispatch_task& what, const recipe_book::entry& recipe) const;
  result<waiter_id> submit(dispatch_task&& what);
  waiter_id submit_late(const dispatch_task& what, std::uint64_t task);
  dispatch_record& record_at(task_id task);
  dispatch_record* find(task_id task);
  const dispatch_record* find(task_id task) const { return const_cast<dispatcher_impl*>(this)->find(task); }
  void give(dispatch_record& record, const dispatch_record::given& what) const;
  void forget(task_id task);
  bool cancel(waiter_id waiter);
  template <class Matches>
  void drop_held(Matches&& matches);

  // dispatcher_links.cpp: who is there, and what is said.
  void received(link_id link, to_coordinator&& message);
  void join(link_id link, dispatch_link& from, control::join&& what);
  void joined(link_id link, dispatch_link& from, std::shared_ptr<const control::join> offer,
              const welcome& answer);
  void adopt(node_session session, const control::still_running& one, const attempt_key& now_called);
  control::settings settings_of(bool draining) const;
  void tell_settings();
  void refuse(link_id link, errc code, std::string why);
  void unlink(link_id link, const std::string& why);
  result<node_hello> hello_of(const std::string& name, const control::join& what);

  // dispatcher_results.cpp: how attempts end.
  void results(link_id link, dispatch_session& session, node_session number, control::results&& what);
  void ended(dispatch_session& session, node_session number, control::attempt_end&& what);
  void safe(node_session session, std::uint64_t number);
  void tell(uncommitted_result& one);
  void committed(std::uint64_t batch, const result<void>& how);

  // dispatcher_step.cpp: commands of the scheduler, messages, time.
  void absorb(schedule_command_list commands);
  void handle(schedule_commands::assign& what);
  void handle(schedule_commands::stop& what);
  void handle(schedule_commands::done& what);
  void handle(schedule_commands::forget& what) { forget(what.task); }
  void handle(schedule_commands::differs& what);
  void handle(schedule_commands::unplaceable& what);
  void handle(schedule_commands::node_lost& what);
  void handle(schedule_commands::drained& what);
  void handle(schedule_commands::deposed& what);
  void handle(schedule_commands::wake_at& what) { schedule_wakes = what.when; }
  void step();
  void say_work();
  void say_learned();
  void say_wake();

  // dispatcher_fit.cpp: whether any node could run it.
  std::optional<std::string> misfit(recipe_id recipe) const;

  // dispatcher.cpp: what people are told.
  void tell_work(dispatch_status& told, time_point at) const;
  std::vector<learned_rules::row> changed_rules();
};

}  // namespace graphite
