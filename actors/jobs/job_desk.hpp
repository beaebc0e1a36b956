#pragma once

#include <deque>
#include <list>

#include "actors/jobs/job_parts.hpp"
#include "actors/jobs/snapshot_view.hpp"
#include "actors/jobs_facade.hpp"
#include "coordinator/jobs/place_queue.hpp"

namespace graphite {

/// What the desk works with; all outlive the actor.
struct job_desk_dependencies {
  job_desk_options how;
  snapshot_view_ports views;
  /// Runs what blocks for longer than an attempt may wait. False where no more work is taken.
  std::function<bool(std::function<void()>)> submit;
};

/// Whether the same may go well later without anybody doing anything.
inline bool passes_by_itself(errc code) {
  return code == errc::unavailable || code == errc::timed_out || code == errc::busy;
}

struct job_desk_state;
/// Something to be done at the desk: how the facade and what ends elsewhere reach it. Must not block.
struct job_call {
  std::function<void(job_desk_state&)> what;
};

using job_desk_actor = caf::typed_actor<
    // A call.
    caf::reacts_to<atom::answer, job_call_ptr>,
    // INTERNAL: a deadline of the table; looks how far jobs are.
    caf::reacts_to<atom::wake>, caf::reacts_to<atom::check>>;

/// Keeps the jobs of a coordinator: the table decides, views build, this carries.
///
///   plan --a place is free--> feeding (a pool's thread: reads the snapshot) --> building (the view's graph)
///        --> listing (a thread: brings the list of assets to the stores) --> ended
///   (each) --stop--> its view's build is cancelled; the place is free once it has answered
///
/// Two jobs never share a view at the same time: the next snapshot of a view that is being built gets a view
/// of its own, which has the shared cache and nothing else in common with it.
struct job_desk_state {
  static inline const char* name = "jobs";

  job_desk_state() {}

  struct watcher {
    std::uint64_t number = 0;
    time_point until{};
    /// True: it was answered. `last`: with whatever there is.
    std::function<bool(const job_table& table, bool last)> look;
  };
  struct waiting_submit {
    bool known = false;
    reply<job_accepted> done;
  };
  /// A job that has a place.
  struct place {
    std::shared_ptr<snapshot_view> view;
    cancel_token cancelled;
    bool builds = false;               ///< its graph does
    std::optional<time_point> misfit;  ///< since when no node has its tools
  };
  struct idle_view {
    job_id last;
    std::shared_ptr<snapshot_view> view;
  };

  job_time time() const { return {with.views.clock->now(), with.views.clock->unix_ns()}; }
  /// As somebody who may see all jobs.
  static job_caller anybody() { return {"", "", true}; }

  // job_desk.cpp: what the table wants done.
  void step();
  template <class Command>
  void perform(Command& command);
  void look(job_id job, const std::shared_ptr<const job_request>& request);
  void looked_at(job_id job, const result<snapshot_walk>& how);
  void wake_at(time_point when);
  void look_at_watchers(job_id job);
  void watch(job_id job, watcher one);
  void answer_all(std::map<job_id, std::vector<reply<job_info>>>& whom, job_id job);
  /// Has `what` called here, later or from elsewhere.
  std::function<void(std::function<void(job_desk_state&)>)> caller() const;
  void later(duration wait, std::function<void(job_desk_state&)> what);
  /// Runs it where it may block, sooner or later.
  void block(std::function<void()> work);

  // job_desk_places.cpp: the jobs that are built.
  void fill_places();
  void begin(job_id job, const std::shared_ptr<const job_request>& request);
  void feed(job_id job, const std::shared_ptr<const job_request>& request);
  bool feed_again(job_id job, const std::shared_ptr<const job_request>& request, errc why);
  std::shared_ptr<snapshot_view> take_view(const snapshot_view::spec& what);
  void keep_view(job_id job, std::shared_ptr<snapshot_view> view);
  void fed(job_id job, const std::shared_ptr<const job_request>& request, const result<void>& how);
  void built(job_id job, const std::shared_ptr<const job_request>& request, const result<build_summary>& how);
  void list_assets(job_id job, const std::shared_ptr<const job_request>& request, job_outcome outcome);
  void leave(job_id job, bool view_is_good);
  void fail_job(job_id job, const std::string& why);
  void stop(job_id job);
  void look_how_far();
  snapshot_view* view_of(job_id job);

  job_desk_actor::stateful_pointer<job_desk_state> self = nullptr;
  job_desk_dependencies with;
  std::shared_ptr<job_table> table;
  std::map<job_id, std::vector<waiting_submit>> submits;
  std::map<job_id, std::vector<reply<job_info>>> looked, ended;  ///< who waits for that
  std::map<job_id, std::list<watcher>> watchers;
  place_queue queue;
  std::map<job_id, std::shared_ptr<const job_request>> planned;  ///< what is in the queue
  std::map<job_id, place> places;
  std::list<idle_view> idle;  ///< the last used first
  kept_traces traces;         ///< by the numbers of jobs
  std::uint64_t last_watcher = 0;
  std::optional<time_point> wake_set;
  bool checking = false;
};

/// `table` has its rows loaded.
job_desk_actor::behavior_type job_desk_of(job_desk_actor::stateful_pointer<job_desk_state> self,
                                          job_desk_dependencies with, std::shared_ptr<job_table> table);

/// The facade of such an actor. Thread-safe; outlives no call.
class job_desk_facade final : public job_desk, public job_reader {
 public:
  void use(job_desk_actor desk);
  /// The actor ends; from then on all is unavailable.
  void end();
  /// Jobs that wait for contents are looked at again.
  void stores_came();
  /// What stores are to keep for jobs, and for views that the next ones go on from. Errors: unavailable.
  void needed(reply<needed_contents> done);

  void submit(job_caller who, job_request request, reply<job_accepted> done) override;
  void missing(job_caller who, missing_request request, reply<missing_answer> done) override;
  void uploaded(job_caller who, job_id job, reply<job_info> done) override;
  void cancel(job_caller who, job_id job, reply<job_info> done) override;
  void list(job_caller who, job_filter filter, reply<std::vector<job_info>> done) override;
  void status(job_caller who, job_id job, reply<job_info> done) override;
  void why(job_caller who, job_id job, std::string path, reply<why_answer> done) override;
  void trace(job_caller who, job_id job, std::uint64_t after, reply<trace_page> done) override;
  void events(job_caller who, job_question what, reply<job_event_batch> done) override;
  void logs(job_caller who, job_question what, reply<job_log_batch> done) override;

 private:
  bool call(std::function<void(job_desk_state&)> what);
  template <class T>
  void ask(const reply<T>& done, std::function<void(job_desk_state&)> what);

  std::mutex mutex_;  ///< of the handle
  job_desk_actor desk_;
};

}  // namespace graphite
