#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/messages/jobs.hpp"
#include "gateway/service_client.hpp"

namespace graphite {

/// Asks a coordinator about jobs over the connection of a service_client, which outlives it; one blocking
/// call at a time, on that client's thread. Errors of every call: those of service_client, and those of
/// schemas/jobs.capnp.
class job_client {
 public:
  /// Errors: unsupported (the service takes no jobs).
  static result<std::unique_ptr<job_client>> open(service_client& service);
  ~job_client();
  job_client(const job_client&) = delete;
  job_client& operator=(const job_client&) = delete;

  result<job_accepted> submit(const job_request& request);
  result<missing_answer> missing(const missing_request& request);
  result<job_info> uploaded(job_id job);
  result<job_info> cancel(job_id job);
  result<std::vector<job_info>> list(const job_filter& filter);
  result<job_info> status(job_id job);
  result<why_answer> why(job_id job, const std::string& path);
  result<trace_page> trace(job_id job, std::uint64_t after);

  /// How far a watch came.
  struct watched {
    std::uint64_t last = 0;  ///< go on behind it
    bool over = false;       ///< the job is, and all of it was told
  };
  /// Calls `each` with what there is behind `after` and with what comes, until the job is over or `each`
  /// says false; while it runs the service keeps no more for us than for anybody. No deadline: where the
  /// connection breaks, `unavailable`, and the caller goes on behind the last number that it saw.
  result<watched> watch(job_id job, std::uint64_t after,
                        const std::function<bool(const job_event_batch&)>& each);
  /// The same of what tools said; `path` empty: of all. Without `follow` it ends with what there is.
  struct log_question {
    job_id job;
    std::string path;
    std::uint64_t after = 0;
    bool follow = false;
  };
  result<watched> logs(const log_question& what, const std::function<bool(const job_log_batch&)>& each);

 private:
  class impl;
  explicit job_client(std::unique_ptr<impl> self);
  std::unique_ptr<impl> impl_;
};

}  // namespace graphite
