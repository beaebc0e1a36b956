#include "cli/job_waiting.hpp"

#include <variant>

#include "cli/exit_codes.hpp"
#include "cli/job_text.hpp"

namespace graphite {

std::string goes_on_text(job_id job) {
  return fmt::format("job {} goes on: `graphite job {} --wait` waits for it, `graphite cancel {}` ends it",
                     job.value, job.value, job.value);
}

result<job_info> job_waiting::wait(job_session& session, job_id job) {
  words_.set(goes_on_text(job));
  GRAPHITE_TRY(const auto end, session.watch(job, 0, [&](const job_event_batch& batch) {
    const auto alive = words_.keep_alive();
    take(job, batch);
    return true;
  }));
  (void)end;  // it ends with the job alone
  shown_.finish();
  words_.set({});
  return session.status(job);
}

void job_waiting::take(job_id job, const job_event_batch& batch) {
  if (batch.left_out > 0) out_.object({{"event", "left_out"}, {"job", job.value}, {"count", batch.left_out}});
  if (batch.summary) show(batch.summary->progress);
  for (const auto& one : batch.items) take(job, one);
}

void job_waiting::take(job_id job, const job_event& event) {
  out_.object(to_json(job, event));
  if (const auto* progress = std::get_if<job_events::progressed>(&event.what)) show(progress->now);
  if (out_.json()) return;
  if (const auto* failure = std::get_if<job_events::action_failed>(&event.what)) {
    shown_.finish();
    out_.remark(fmt::format("{}: error: {}", failure->what.path, failure->what.message));
  } else if (const auto* missing = std::get_if<job_events::blobs_missing>(&event.what)) {
    shown_.finish();
    out_.remark(fmt::format("job {} waits for {} contents to be uploaded", job.value, missing->count));
  }
}

void job_waiting::show(const job_progress& now) {
  if (now.actions == 0) return;
  shown_.actions(now.ran + now.cached + now.failed, now.actions,
                 now.running == 0 ? "" : fmt::format("{} running", now.running));
}

int wait_and_tell(console& out, job_session& session, job_id job, last_words& words) {
  live_progress shown(out);
  const auto ended = job_waiting(out, shown, words).wait(session, job);
  shown.finish();
  if (!ended) return out.failed(ended.error());
  if (!out.json()) {
    const auto& now = ended->outcome ? ended->outcome->progress : ended->progress;
    const auto style = ended->state == job_state::done ? text_style::good : text_style::bad;
    print_end(out, *ended);
    out.say("job {} {}: {} ran, {} cached, {} failed", job.value, out.styled(to_string(ended->state), style),
            now.ran, now.cached, now.failed);
  }
  out.object(to_json(*ended));
  return exit_code_of(*ended);
}

}  // namespace graphite
