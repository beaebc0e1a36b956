#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <variant>
#include <vector>

#include "coordinator/jobs/event_log.hpp"
#include "coordinator/jobs/job_rows.hpp"
#include "coordinator/jobs/tenant_table.hpp"
#include "core/needed_contents.hpp"
#include "core/ports/hasher.hpp"

namespace graphite {

struct job_table_options {
  job_quota quota;  ///< of each tenant
  std::size_t tenants_max = 1'024;
  std::uint32_t open_max = 20'000;  ///< jobs of all tenants that are not over: `busy`
  duration kept_for =
      seconds(7 * 86'400);              ///< a job that is over, and its key; or less, where the quota says
  duration blob_wait = seconds(1'800);  ///< without a word of its client a job that waits for contents fails
  duration progress_interval = milliseconds(200);  ///< at most one event of it in so long
  duration retry = seconds(1);                     ///< after a commit that failed
  std::size_t rows_max = 1'024;                    ///< of one commit
  event_log_options events, logs = {4'096, 1 * MiB, 256 * MiB};
};

/// The two clocks: what goes by the first is right over a step of the second, which goes to disk.
struct job_time {
  time_point now{};
  std::int64_t unix_ns = 0;
};

namespace job_commands {

/// Write these rows, synced, then call committed() or commit_failed(). One at a time.
struct commit {
  std::uint64_t batch = 0;
  std::vector<row_write> rows;
};
/// It is on disk: answer who submitted it.
struct saved {
  job_id job;
};
/// It could not be written and was never there: the same with this.
struct refused {
  job_id job;
  error why;
};
/// Look which of its contents are missing, then call looked().
struct look {
  job_id job;
  std::shared_ptr<const job_request> request;
};
/// Who said that all was uploaded can be answered: it was looked at since.
struct looked_at {
  job_id job;
};
/// All is there: plan and build it, and say ended().
struct plan {
  job_id job;
  std::shared_ptr<const job_request> request;
};
/// Its work is wanted no more; ended() of it is ignored.
struct stop {
  job_id job;
};
/// There are events, pieces of a log, or the end: read again for who waits.
struct news {
  job_id job;
};
/// Nothing is known of it any more.
struct forgotten {
  job_id job;
};
/// Call step() then, at the latest; replaces earlier ones.
struct wake_at {
  time_point when;
};

}  // namespace job_commands

using job_command =
    std::variant<job_commands::commit, job_commands::saved, job_commands::refused, job_commands::look,
                 job_commands::looked_at, job_commands::plan, job_commands::stop, job_commands::news,
                 job_commands::forgotten, job_commands::wake_at>;

/// All jobs of a coordinator: which there are, how far each is, and what is told of it.
///
///   accepted --looked: all there--> planning --began--> building --ended--> done, failed
///            --looked: some missing--> waiting for blobs --uploaded, looked--> …
///   (each of them) --cancel--> cancelled, --deadline--> deadline exceeded
///
/// Pure: time is an argument, rows go out as commands and come back as committed; one thread. *Acknowledged
/// is synced*: a job begins, and its client is answered, once its row is on disk; it is over, and says so,
/// once that is on disk. Until then it goes by its former state. After a restart the rows alone bring back
/// every job that was ever acknowledged: open ones begin again, and their work finds its results in the
/// cache. Bounds: job_table_options. Each call is O(log jobs) but list(), which is O(jobs of the tenant).
class job_table {
 public:
  /// `hash` outlives it. Numbers of events begin with the epoch, so that they ascend over restarts.
  job_table(const job_table_options& options, epoch_number epoch, const hasher& hash);

  /// Before anything else: what is on disk. Errors: corrupt, newer_version (of a row that is named).
  result<void> load(const std::vector<std::pair<std::string, std::string>>& rows, const job_time& at);

  struct submission {
    job_id job;
    bool known = false;  ///< by this key
    bool saved = false;  ///< false: answer once `saved` or `refused` comes
  };
  /// Errors: invalid_argument, too_large (the request); already_exists (the key is another request's); busy
  /// (a quota, says which).
  result<submission> submit(const job_caller& who, job_request request, const job_time& at);
  /// True: it is over. False: it will be, once that is on disk; then `news` comes. Errors: not_found.
  result<bool> cancel(const job_caller& who, job_id job, const job_time& at);
  /// True: answer once `looked_at` comes. False: it waits for nothing. Errors: not_found.
  result<bool> uploaded(const job_caller& who, job_id job, const job_time& at);
  /// These are missing and will be uploaded: how many bytes the job's tenant may upload in all, these
  /// included. Told again they count once. Errors: not_found, cancelled (it is over), too_large (a quota).
  result<std::uint64_t> will_upload(const job_caller& who, job_id job,
                                    const std::vector<content_ref>& missing, const job_time& at);

  /// The shell's answers; of a job that is over they are ignored. `missing` zero: all is there.
  void looked(job_id job, std::uint64_t missing, std::uint64_t missing_bytes, const job_time& at);
  void began(job_id job, const job_time& at);
  void progress(job_id job, const job_progress& now, const job_time& at);
  void action_failed(job_id job, job_failure what, const job_time& at);
  void said(job_id job, std::string path, std::string text, const job_time& at);
  /// Done or failed; cancelled where others ended its work.
  void ended(job_id job, job_outcome outcome, const job_time& at);

  void committed(std::uint64_t batch, const job_time& at);
  /// None of its rows is there, as far as anybody knows. What is not accepted yet is refused; ends are
  /// written again later.
  void commit_failed(std::uint64_t batch, const error& why, const job_time& at);

  /// What to do now. Deadlines, waits and ages are looked at here.
  std::vector<job_command> step(const job_time& at);

  /// Of one that is not the caller's to see: not_found.
  result<job_info> status(const job_caller& who, job_id job) const;
  /// Newest first, without outcomes.
  std::vector<job_info> list(const job_caller& who, const job_filter& filter) const;
  /// Items behind `after`; none: wait for `news`.
  result<job_event_batch> events(const job_caller& who, job_id job, std::uint64_t after) const;
  result<job_log_batch> logs(const job_caller& who, job_id job, std::uint64_t after) const;

  /// What its jobs are made from, and what those made that are over and kept.
  needed_contents needed() const;

  std::size_t size() const { return jobs_.size(); }
  std::uint32_t open() const { return open_; }
  const tenant_table& tenants() const { return tenants_; }

 private:
  enum class disk : std::uint8_t { nothing, open, over };
  struct job {
    job_record record;                           ///< as it is, or is to be, on disk
    std::shared_ptr<const job_request> request;  ///< while it goes on
    std::uint64_t request_bytes = 0, row_bytes = 0;
    job_state state = job_state::accepted;  ///< as it is told
    disk on_disk = disk::nothing;
    bool ending = false;  ///< it has an outcome, which is not on disk yet
    bool looking = false, look_again = false;
    std::optional<time_point> deadline, waits_until, forget_at, progress_at;
    std::uint64_t missing = 0, missing_bytes = 0;
    std::unordered_set<std::uint64_t> uploads;  ///< contents, by content_number()
    std::uint64_t upload_bytes = 0;
    job_progress progress;
    std::optional<time_point> progress_told;
    job_progress last_told;
  };
  struct timer {
    time_point when;
    job_id job;
    auto operator<=>(const timer&) const = default;
  };

  result<const job*> visible(const job_caller& who, job_id id) const;
  job* open_job(job_id id);
  void load_job(job_record record, const job_time& at);
  void tell(job& of, const job_time& at, decltype(job_event::what) what);
  void change(job& of, job_state state, const job_time& at, std::string message = {});
  void finish(job& of, job_outcome outcome, const job_time& at);
  void stop(job& of, job_state state, std::string message, const job_time& at);
  void settle_end(job& of, const job_time& at);
  void keep(job& of, const job_time& at);
  void release_uploads(job& of);
  void drop_unsaved(job_id id, const error& why);
  void forget(job_id id);
  void look(job& of);
  void set_timer(job& of, std::optional<time_point> job::*which, std::optional<time_point> when);
  void clear_timers(job& of);
  void run_timers(const job_time& at);
  void run_timers_of(job& of, const job_time& at);
  void tell_progress(job& of, const job_time& at);
  void trim(const std::string& tenant);
  std::optional<job_commands::commit> next_commit(const job_time& at);
  std::optional<time_point> next_wake(const job_time& at) const;
  job_info info_of(const job& of, bool with_outcome) const;
  template <class Item>
  job_batch<Item> batch_of(const event_log<Item>& from, const job& of, std::uint64_t after) const;

  job_table_options options_;
  const hasher& hash_;
  std::uint64_t first_number_;
  std::map<job_id, job> jobs_;
  std::map<std::pair<std::string, std::string>, job_id> keys_;  ///< tenant, key
  std::map<std::string, std::set<job_id>> of_tenant_;
  tenant_table tenants_;
  std::uint32_t open_ = 0;
  job_id next_{1};
  event_log<job_event> events_;
  event_log<job_log_piece> logs_;
  std::multiset<timer> timers_;
  std::set<job_id> dirty_;    ///< rows to be written
  std::set<job_id> erasing_;  ///< rows to be erased
  struct batch {
    std::uint64_t number = 0;
    std::vector<job_id> jobs, erased;
    std::set<job_id> over;  ///< those of `jobs` whose end it has
  };
  std::optional<batch> in_flight_;
  std::uint64_t last_batch_ = 0;
  std::optional<time_point> retry_at_;
  std::vector<job_command> commands_;
  std::set<job_id> news_;
};

}  // namespace graphite
