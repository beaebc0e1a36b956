#include "cli/exit_codes.hpp"
#include "cli/fetch.hpp"
#include "cli/job_access.hpp"
#include "cli/job_submission.hpp"
#include "cli/job_text.hpp"
#include "cli/job_waiting.hpp"
#include "cli/log_setup.hpp"
#include "cli/new_file.hpp"
#include "cli/submit.hpp"

namespace graphite {

namespace {

constexpr milliseconds first_answer_within{10'000};

}  // namespace

int run_submit(const submit_options& options) {
  console out(options.json);
  last_words words;
  const auto log = make_log(options.log_level, false);
  live_progress shown(out);
  project_options at;
  at.directory = options.wish.directory;
  at.state = options.state;
  at.remote = options.remote;
  job_session_options how;
  how.first_answer_within = first_answer_within;
  how.on_away = [&](const error& why) {
    shown.finish();
    out.warn(why.context + "; trying again");
  };
  if (!options.into.empty())
    if (const auto good = check_new_folder(options.into); !good) return out.failed(good.error());
  auto session = session_with(at, how);
  job_submission sending({out, shown, words, *log, session}, options.wish);
  if (const auto done = sending.read(); !done) return out.failed(done.error());
  const auto accepted = sending.submit();
  if (!accepted) return out.failed(accepted.error());
  const auto state = accepted->job.state;
  if (state == job_state::accepted || state == job_state::waiting_for_blobs) {
    const auto uploaded = sending.upload();
    if (!uploaded) return out.failed(uploaded.error());
  }
  if (options.wait) {
    const auto code = wait_and_tell(out, session, sending.job(), words);
    if (code != exit_ok || options.into.empty()) return code;
    return fetch_and_tell(out, shown, session, sending.job(), options.into, *log);
  }
  out.say("`graphite job {} --wait` waits for it, `graphite cancel {}` ends it", sending.job().value,
          sending.job().value);
  return exit_ok;
}

}  // namespace graphite
