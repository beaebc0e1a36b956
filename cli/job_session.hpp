#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "gateway/job_client.hpp"

namespace graphite {

struct job_session_options {
  milliseconds retry_for{60'000};  ///< without one answer, before a failure is told
  /// The same as long as it has never answered: a wrong address is not waited for. Absent: retry_for.
  std::optional<milliseconds> first_answer_within = {};
  milliseconds first_pause{100};  ///< between tries; doubles each time
  milliseconds longest_pause{5'000};
  std::function<void(milliseconds)> pause;  ///< null: sleeps
  /// Told of the first of several failures in a row, before it is tried again.
  std::function<void(const error&)> on_away = [](const auto&) {};
};

/// A client of a coordinator that may go away and come back: asks again where that can do no harm, which is
/// everywhere, since a job is submitted by its key. One thread, which has no other service_client.
class job_session {
 public:
  using connector = std::function<result<std::unique_ptr<service_client>>()>;
  explicit job_session(connector connect, job_session_options options = {});

  /// Errors: those of job_client. Where the coordinator was away for all of `retry_for`, the last one.
  result<job_accepted> submit(const job_request& request);
  result<missing_answer> missing(const missing_request& request);
  result<job_info> uploaded(job_id job);
  result<job_info> cancel(job_id job);
  result<job_info> status(job_id job);
  result<std::vector<job_info>> list(const job_filter& filter);
  result<why_answer> why(job_id job, const std::string& path);
  result<trace_page> trace(job_id job, std::uint64_t after);
  /// As job_client's, over connections that break: each event comes once.
  result<job_client::watched> watch(job_id job, std::uint64_t after,
                                    const std::function<bool(const job_event_batch&)>& each);
  result<job_client::watched> logs(job_client::log_question what,
                                   const std::function<bool(const job_log_batch&)>& each);

 private:
  result<void> ensure_connected();
  template <class Call>
  auto again(Call call) -> decltype(call(std::declval<job_client&>()));

  connector connect_;
  job_session_options options_;
  std::unique_ptr<service_client> service_;
  std::unique_ptr<job_client> jobs_;
  /// Counts up with each answer: what has gone on is no failure in a row.
  std::uint64_t answers_ = 0;
};

/// A key for a new job, of the system's randomness.
std::string make_job_key();

}  // namespace graphite
