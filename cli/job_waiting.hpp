#pragma once

#include <cstdint>

#include "cli/console.hpp"
#include "cli/job_session.hpp"
#include "cli/last_words.hpp"
#include "cli/live_progress.hpp"

namespace graphite {

/// Shows how a job gets on until it is over: a bar, or lines of --json. Not for jobs that wait for this very
/// process to upload something.
class job_waiting {
 public:
  /// All outlive it.
  job_waiting(console& out, live_progress& shown, last_words& words)
      : out_(out), shown_(shown), words_(words) {}

  /// How the job stands at the end, with its outcome. Errors: those of job_session.
  result<job_info> wait(job_session& session, job_id job);

 private:
  void take(job_id job, const job_event_batch& batch);
  void take(job_id job, const job_event& event);
  void show(const job_progress& now);

  console& out_;
  live_progress& shown_;
  last_words& words_;
};

/// What is said where Ctrl-C ends a wait for a job.
std::string goes_on_text(job_id job);

/// `graphite job ID --wait`, and what follows an accepted submission: waits, says how it ended. The exit
/// code.
int wait_and_tell(console& out, job_session& session, job_id job, last_words& words);

}  // namespace graphite
