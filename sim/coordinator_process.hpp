#pragma once

#include <map>
#include <memory>
#include <set>

#include "coordinator/cluster/dispatcher.hpp"
#include "core/record_codec.hpp"
#include "sim/client_process.hpp"
#include "sim/disk.hpp"

namespace graphite::sim {

class world;

/// A dispatcher with what it needs around it: a journal of jobs and results, and the jobs' graphs.
class coordinator_process : public process {
 public:
  coordinator_process(world& in, dispatcher_options options);

  void start();
  void crash(bool told);

  // Of nodes.
  link_end listening();
  void dialled(link_id link, const std::string& name);

  // Of clients: `answer` comes once, or never.
  void submit(const job_request& what, const std::function<void(job_answer)>& answer);
  job_answer look(std::uint64_t number) const;
  job_answer cancel(std::uint64_t number);

  // What people do.
  void set_service(const std::string& node, lease_table::service how, duration within);

  /// Its reign is safe: it listens.
  bool ready() const { return alive() && dispatcher_ != nullptr; }
  const dispatcher& what() const { return *dispatcher_; }
  disk journal;

 private:
  struct job {
    job_request what;
    graph all;
    job_index index = 0;
    std::vector<recipe_id> recipes;  ///< by rule
    std::vector<std::vector<std::size_t>> readers;
    std::vector<std::size_t> missing;  ///< inputs that are not made, by action
    std::vector<bool> made;
    std::size_t left = 0;
    std::set<std::uint64_t> waiters;
    bool open = false, ended = false, cancelled = false;
  };
  struct wish {
    std::uint64_t job = 0;
    std::size_t action = 0;
  };

  void replay();
  void reign();
  void begin();
  void replay_job(record_reader& in);
  void replay_results(record_reader& in);
  void note_committed(const digest& key, const digest& value, const attempt_key& attempt);
  void append(std::vector<std::string> records, std::function<void(result<void>)> done = {});
  void begin_job(const job_request& what);
  void open_job(job& one);
  void advance(job& one, std::vector<std::size_t> ready);
  void submit(job& one, std::size_t action);
  dispatch_task task_of(const job& one, std::size_t action) const;
  void made(job& one, std::size_t action, std::vector<std::size_t>& ready);
  void try_to_end(job& one);
  void close(job& one);

  void pump();
  void take(dispatch_commands::send& what);
  void take(dispatch_commands::hang_up& what);
  void take(dispatch_commands::commit& what);
  void take(dispatch_commands::done& what);
  void take(dispatch_commands::differs& what);
  void take(dispatch_commands::unplaceable&) {}  // nodes come back
  void take(dispatch_commands::node_came& what);
  void take(dispatch_commands::node_lost& what);
  void take(dispatch_commands::drained& what);
  void take(dispatch_commands::remember&);
  void take(dispatch_commands::learned& what);
  void take(dispatch_commands::refuses&) {}
  void take(dispatch_commands::asked&) {}
  void take(dispatch_commands::store_told&) {}
  void take(dispatch_commands::deposed&);
  void take(dispatch_commands::wake_at& what);
  void committed(const commit_batch& batch);
  void tell_stores();

  world& in_;
  dispatcher_options options_;
  std::unique_ptr<dispatcher> dispatcher_;
  std::map<std::uint64_t, job> jobs_;
  std::set<std::uint64_t> pending_;       ///< jobs on their way to the journal
  std::map<digest, digest> results_;      ///< of the journal: by key
  std::map<std::uint64_t, wish> wishes_;  ///< by waiter
  std::set<std::string> here_;
  std::set<std::pair<digest, attempt_key>> seen_;  ///< commits that the history has
  cluster_record memory_;                          ///< of the journal
  std::vector<learned_rules::row> rules_;          ///< the same
  std::uint64_t last_epoch_ = 0;
  std::optional<time_point> wake_;
  tenant_index tenants_[2] = {};
  bool pumping_ = false;
};

}  // namespace graphite::sim
