#pragma once

#include <memory>
#include <optional>
#include <string>

#include "cli/job_session.hpp"
#include "cli/job_source.hpp"
#include "cli/last_words.hpp"
#include "cli/live_progress.hpp"
#include "cli/revision_tree.hpp"
#include "cli/submit.hpp"
#include "core/ports/log.hpp"
#include "platform/crypto/sha256.hpp"
#include "platform/linux/clock.hpp"

namespace graphite {

/// A project on its way to a coordinator: read, submitted, uploaded. One thread; in this order.
class job_submission {
 public:
  /// All outlive it.
  struct ports {
    console& out;
    live_progress& shown;
    last_words& words;
    log_sink& log;
    job_session& session;
  };
  job_submission(const ports& with, job_wish wish);
  ~job_submission();

  /// Errors: those of read_job_source and, with a revision, of revision_tree.
  result<void> read();
  /// Says the job's number. Errors: those of job_session.
  result<job_accepted> submit();
  /// Sends what the cluster lacks. The job as it is then, which may be over. Errors: those of upload_missing;
  /// where nobody could go on with it, the job is cancelled.
  result<job_info> upload();

  job_id job() const { return job_; }

 private:
  job_request request() const;
  result<void> check_out();
  void tell_left_out() const;
  result<job_info> upload_all();
  error given_up(error why);

  const openssl_hasher hash_;
  const system_clock_source clock_;
  const ports with_;
  const job_wish wish_;
  std::optional<revision_tree> tree_;
  std::string commit_;
  std::optional<job_source> source_;
  job_id job_;
};

}  // namespace graphite
