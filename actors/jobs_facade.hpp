#pragma once

#include <string>
#include <vector>

#include "actors/facade.hpp"
#include "core/messages/jobs.hpp"

/// \file What a coordinator's jobs can be asked, without a word of CAF: gateway/ speaks to this
/// (schemas/jobs.capnp tells the exchange and the errors).

namespace graphite {

/// Takes jobs and what belongs to them. Thread-safe; replies may come from any thread. Whose the jobs are
/// says the caller, which the connection proved.
class job_desk {
 public:
  virtual ~job_desk() = default;
  /// Answers when it is on disk. `request` is one that check_job_request() takes.
  virtual void submit(job_caller who, job_request request, reply<job_accepted> done) = 0;
  virtual void missing(job_caller who, missing_request request, reply<missing_answer> done) = 0;
  /// Answers after it was looked which contents are missing now.
  virtual void uploaded(job_caller who, job_id job, reply<job_info> done) = 0;
  /// Answers when it is on disk that the job is over.
  virtual void cancel(job_caller who, job_id job, reply<job_info> done) = 0;
};

/// What is behind a number of a job.
struct job_question {
  job_id job;
  std::uint64_t after = 0;
  duration wait{};  ///< so long for something to come, or for the end; then the answer is empty
};

/// Tells of jobs. Thread-safe; replies may come from any thread. A question that waits costs its reply and
/// nothing else, and ends by itself.
class job_reader {
 public:
  virtual ~job_reader() = default;
  virtual void list(job_caller who, job_filter filter, reply<std::vector<job_info>> done) = 0;
  virtual void status(job_caller who, job_id job, reply<job_info> done) = 0;
  virtual void why(job_caller who, job_id job, std::string path, reply<why_answer> done) = 0;
  /// Of a build that is over: where its time went, from action `after` on. Errors: not_found, unavailable.
  virtual void trace(job_caller who, job_id job, std::uint64_t after, reply<trace_page> done) = 0;
  virtual void events(job_caller who, job_question what, reply<job_event_batch> done) = 0;
  virtual void logs(job_caller who, job_question what, reply<job_log_batch> done) = 0;
};

/// Both of one coordinator; they outlive whoever has them.
struct job_services {
  job_desk* desk = nullptr;
  job_reader* reader = nullptr;
};

}  // namespace graphite
