#include "cli/job_text.hpp"

#include <algorithm>
#include <variant>

#include "cli/exit_codes.hpp"
#include "core/digest.hpp"

namespace graphite {

namespace {

json_object time_or_null(std::int64_t unix_ns) {
  return unix_ns == 0 ? json_object(nullptr) : json_object(unix_ns);
}

json_object failure_object(const job_failure& one) { return {{"path", one.path}, {"message", one.message}}; }

void add_progress(json_object& out, const job_progress& now) {
  out["actions"] = now.actions;
  out["ran"] = now.ran;
  out["cached"] = now.cached;
  out["failed"] = now.failed;
  out["running"] = now.running;
}

void add_end(json_object& out, const job_outcome& end) {
  out["message"] = end.message;
  out["generation"] = end.generation;
  out["failures"] = json_object::array();
  for (const auto& one : end.failures) out["failures"].push_back(failure_object(one));
  out["outputs"] = json_object::array();
  for (const auto& one : end.outputs)
    out["outputs"].push_back(
        {{"path", one.path}, {"content", to_hex(one.content.id)}, {"bytes", one.content.size}});
}

/// What is special to one kind of event.
struct event_fields {
  json_object& out;
  void operator()(const job_events::state_changed& one) const {
    out["event"] = "state";
    out["state"] = to_string(one.now);
    out["message"] = one.message;
  }
  void operator()(const job_events::blobs_missing& one) const {
    out["event"] = "missing";
    out["contents"] = one.count;
    out["bytes"] = one.bytes;
  }
  void operator()(const job_events::progressed& one) const {
    out["event"] = "progress";
    add_progress(out, one.now);
  }
  void operator()(const job_events::action_failed& one) const {
    out["event"] = "failure";
    out["path"] = one.what.path;
    out["message"] = one.what.message;
  }
};

std::string age_text(std::int64_t from_unix_ns, std::int64_t to_unix_ns) {
  const auto seconds = std::max<std::int64_t>(to_unix_ns - from_unix_ns, 0) / 1'000'000'000;
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3'600) return fmt::format("{} min", seconds / 60);
  if (seconds < 48 * 3'600) return fmt::format("{} h", seconds / 3'600);
  return fmt::format("{} d", seconds / 86'400);
}

text_style style_of(job_state state) {
  switch (state) {
    case job_state::done:
      return text_style::good;
    case job_state::failed:
    case job_state::deadline_exceeded:
      return text_style::bad;
    case job_state::cancelled:
    case job_state::waiting_for_blobs:
      return text_style::warning;
    default:
      return text_style::plain;
  }
}

std::string padded(std::string text, std::size_t columns) {
  if (text.size() < columns) text.resize(columns, ' ');
  return text;
}

std::uint64_t ended_actions(const job_progress& now) { return now.ran + now.cached + now.failed; }

void print_times(console& out, const job_info& job, std::int64_t unix_ns) {
  if (job.ended_unix_ns != 0)
    out.say("  submitted {} ago, took {}", age_text(job.accepted_unix_ns, unix_ns),
            age_text(job.accepted_unix_ns, job.ended_unix_ns));
  else
    out.say("  submitted {} ago", age_text(job.accepted_unix_ns, unix_ns));
  if (job.deadline_unix_ns != 0 && job.ended_unix_ns == 0)
    out.say("  its deadline {}", job.deadline_unix_ns > unix_ns
                                     ? "is in " + age_text(unix_ns, job.deadline_unix_ns)
                                     : std::string("is over"));
}

}  // namespace

json_object to_json(const job_info& job) {
  json_object out{{"event", "job"},
                  {"job", job.id.value},
                  {"tenant", job.tenant},
                  {"owner", job.owner},
                  {"label", job.label},
                  {"kind", job.is_action ? "action" : "project"},
                  {"priority", to_string(job.priority)},
                  {"state", to_string(job.state)},
                  {"over", is_over(job.state)},
                  {"accepted_unix_ns", job.accepted_unix_ns},
                  {"deadline_unix_ns", time_or_null(job.deadline_unix_ns)},
                  {"ended_unix_ns", time_or_null(job.ended_unix_ns)},
                  {"missing", job.missing},
                  {"missing_bytes", job.missing_bytes}};
  add_progress(out, job.progress);
  if (job.outcome) add_end(out, *job.outcome);
  return out;
}

json_object to_json(job_id job, const job_event& event) {
  json_object out{{"event", ""}, {"job", job.value}, {"number", event.number}, {"unix_ns", event.unix_ns}};
  std::visit(event_fields{out}, event.what);
  return out;
}

json_object to_json(job_id job, const job_log_piece& piece) {
  return {{"event", "log"},           {"job", job.value},   {"number", piece.number},
          {"unix_ns", piece.unix_ns}, {"path", piece.path}, {"text", piece.text}};
}

std::string job_columns(const console& out) {
  return out.styled(fmt::format("{:>6}  {:<18}{:<12}{:>15}  {:>7}  {}", "job", "state", "priority", "actions",
                                "age", "owner, label"),
                    text_style::faint);
}

std::string job_line(const console& out, const job_info& job, std::int64_t unix_ns) {
  const auto state = out.styled(padded(std::string(to_string(job.state)), 18), style_of(job.state));
  const auto done = fmt::format("{}/{}", ended_actions(job.progress), job.progress.actions);
  auto who = printable(job.owner);
  if (!job.label.empty()) who += "  " + printable(job.label);
  return fmt::format("{:>6}  {}{:<12}{:>15}  {:>7}  {}", job.id.value, state, to_string(job.priority), done,
                     age_text(job.accepted_unix_ns, unix_ns), who);
}

std::string progress_text(const job_progress& now) {
  auto out = fmt::format("{} of {} actions", ended_actions(now), now.actions);
  if (now.running > 0) out += fmt::format(", {} running", now.running);
  if (now.failed > 0) out += fmt::format(", {} failed", now.failed);
  return out;
}

void print_job(console& out, const job_info& job, std::int64_t unix_ns) {
  out.say("job {}: {}{}", job.id.value, out.styled(to_string(job.state), style_of(job.state)),
          job.label.empty() ? "" : "  " + printable(job.label));
  out.say("  of {}, tenant {}, priority {}{}", printable(job.owner), printable(job.tenant),
          to_string(job.priority), job.is_action ? ", one action" : "");
  print_times(out, job, unix_ns);
  if (job.state == job_state::waiting_for_blobs)
    out.say("  waits for {} contents to be uploaded, {} bytes: submit it again with its --key to go on",
            job.missing, job.missing_bytes);
  out.say("  {}: {} ran, {} cached", progress_text(job.progress), job.progress.ran, job.progress.cached);
  print_end(out, job);
}

void print_end(console& out, const job_info& job) {
  if (!job.outcome) return;
  const auto& end = *job.outcome;
  for (const auto& one : end.failures)
    out.say("{}: {}{}", printable(one.path), out.styled("error: ", text_style::bad),
            printable(one.message, true));
  if (end.progress.failed > end.failures.size())
    out.say("… and {} more", end.progress.failed - end.failures.size());
  for (const auto& one : end.outputs)
    out.say("  {}  {}  {} bytes", to_hex(one.content.id), printable(one.path), one.content.size);
  if (!end.message.empty()) out.say("{}", printable(end.message, true));
  if (!end.generation.empty()) out.say("generation {}", printable(end.generation));
}

int exit_code_of(const job_info& job) { return job.state == job_state::done ? exit_ok : exit_failed; }

}  // namespace graphite
