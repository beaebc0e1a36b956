#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "coordinator/cluster/scheduler.hpp"

namespace graphite::test {

digest key_of(std::uint64_t number);

/// What one action is like.
struct work {
  std::uint64_t id = 0;  ///< its key, its result and its cookie are made of it; 0: no key
  duration takes = milliseconds(100);
  shape_index shape = 0;
  rule_index rule = 0;
  task_class level = task_class::job;
  duration critical{};
  std::uint64_t revision = 0;
  std::uint64_t expected_ns = 0;
  std::vector<content_use> inputs = {};
  bool kills = false;  ///< the node that runs it, halfway
  int refused = 0;     ///< so many attempts end this way first
  report_kind refusal = report_kind::refused;
  bool fails = false, random_result = false;
};

/// A coordinator's scheduler and nodes that do as they should, in virtual time: messages take `latency`.
/// Nodes start what was sent ahead strictly in order. What the world sees is checked against what may be:
/// each broken rule is told as a test's failure.
class cluster_world {
 public:
  explicit cluster_world(scheduler_options options = default_options());
  static scheduler_options default_options();

  struct begun_attempt {
    attempt_key name;
    std::uint64_t id = 0;
    time_point began{}, ends{};
    std::uint32_t domain = 0;
    std::uint64_t serial = 0;
    bool begun = false, stopped = false;
  };
  struct fake_node {
    std::string name;
    std::vector<domain_capacity> capacities;
    std::vector<std::string> offers;
    std::vector<domain_index> domains;
    incarnation_id incarnation;
    node_session session;
    epoch_number epoch;
    bool alive = false, reachable = true, greeted = false;
    std::vector<free_resources> free;
    std::deque<begun_attempt> attempts;  ///< in the order in which they were sent
    std::vector<std::function<void()>> unsent,
        unheard;  ///< messages, while it is not reachable: kept in order
    double slowness = 1;
  };

  // Nodes.
  fake_node& add_node(const std::string& name, std::uint32_t cpus, std::uint32_t domains = 1);
  void die(const std::string& name, bool told);  ///< told: the coordinator sees the connection end
  void start(const std::string& name);           ///< again, as another incarnation
  void cut(const std::string& name);             ///< neither hears nor is heard
  void heal(const std::string& name);
  void restart_coordinator(bool remembers = true);

  // Jobs.
  tenant_index tenant(scheduler::tenant_limits limits = {});
  job_index job(tenant_index of);
  pool_index pool(std::uint32_t at_once);
  shape_index shape(const task_needs& needs);
  waiter_id submit(job_index of, const work& what);
  bool cancel(waiter_id waiter);
  /// Submits all that has no result and no waiter any more: after a restart, as the journal would.
  void submit_again();

  void run_until(time_point until);
  void run_for(duration how_long) { run_until(now + how_long); }
  /// Until nothing is wanted any more, or `most` later. True where nothing is.
  bool settle(duration most = seconds(3'600));

  scheduler& sched() { return *scheduler_; }
  schedule_status status() const { return scheduler_->status(now); }
  /// Names of nodes that work on `id` now, "NAME" where it has begun, "(NAME)" where it waits.
  std::vector<std::string> where(std::uint64_t id) const;
  /// ids in the order in which their attempts began.
  std::vector<std::uint64_t> order;

  time_point now = time_from_ns(1'000'000'000'000);
  duration latency{};
  scheduler_options options;
  std::map<std::string, fake_node> nodes;
  std::map<std::uint64_t, work> works;   ///< by id
  std::map<std::uint64_t, int> began;    ///< attempts by id
  std::map<std::uint64_t, int> commits;  ///< by id
  std::map<std::uint64_t, int> asked;    ///< waiters that want it now, by id
  std::map<std::uint64_t, std::vector<task_end>> ended;
  std::vector<schedule_commands::done> dones;
  std::vector<nondeterminism> differences;
  std::vector<std::string> lost, drained;
  std::map<report_use, int> uses;
  std::vector<std::uint32_t> pool_limits;
  bool deposed = false;
  std::uint64_t adopted = 0;  ///< attempts that went on after a hello
  std::mt19937_64 random{1};

  void at(time_point when, std::function<void()> what);
  void later(std::function<void()> what) { at(now + latency, std::move(what)); }
  void step();
  void check_limits() const;
  /// With no latency and all nodes here: what the scheduler thinks runs and waits at each domain is what
  /// does.
  void check_agreement() const;

 private:
  void handle(schedule_command& command);
  void arrive(const schedule_commands::assign& what, std::uint64_t id);
  void stop(const schedule_commands::stop& what);
  void make_scheduler();
  void begin_waiting(fake_node& node);
  void end(const std::string& node, std::uint64_t serial);
  void report(fake_node& node, begun_attempt attempt, report_kind kind);
  void greet(const std::string& name);
  void beat(const std::string& name);
  attempt_report report_of(const begun_attempt& attempt, report_kind kind);
  fake_node* node_of(node_session session);

  std::unique_ptr<scheduler> scheduler_;
  std::multimap<time_point, std::function<void()>> events_;
  std::map<task_id, std::uint64_t> payloads_;  ///< ids; a task of this scheduler
  struct wish {
    job_index job = 0;
    std::uint64_t id = 0;
  };
  std::map<waiter_id, wish> wishes_;
  std::map<std::uint64_t, job_index> unfinished_;
  std::vector<scheduler::tenant_limits> tenants_;
  std::vector<tenant_index> jobs_;
  std::vector<task_needs> shapes_;
  std::uint64_t serials_ = 0;
  std::optional<time_point> wake_;
  bool stepping_ = false;
};

}  // namespace graphite::test
