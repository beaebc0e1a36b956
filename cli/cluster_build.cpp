#include "cli/cluster_build.hpp"

#include <chrono>
#include <utility>

#include "cli/exit_codes.hpp"
#include "cli/fetch.hpp"
#include "cli/job_access.hpp"
#include "cli/job_submission.hpp"
#include "cli/job_text.hpp"
#include "cli/job_waiting.hpp"
#include "cli/log_setup.hpp"
#include "cli/new_file.hpp"

namespace graphite {

namespace {

constexpr milliseconds away_after{3'000};  ///< without a first answer

/// What a cluster cannot be asked for; said, never ignored.
result<void> check_options(const build_options& options) {
  const auto refuse = [](std::string_view option, std::string_view why) -> result<void> {
    return fail(errc::unsupported, fmt::format("{} cannot be used with --coordinator: {}", option, why));
  };
  if (!options.remote.at.empty()) return refuse("--at", "name one place");
  if (!options.into.empty()) GRAPHITE_CHECK(check_new_folder(options.into));
  if (options.dry_run) return refuse("--dry-run", "a cluster tells nothing before it builds");
  if (options.local_fallback) return {};  // these are for that
  if (options.jobs != 0) return refuse("--jobs", "the nodes say what they take");
  if (options.scratch != "memory") return refuse("--scratch", "the nodes say where they work");
  if (options.pin != "auto") return refuse("--pin", "the nodes say what they bind");
  if (!options.sandbox.empty()) return refuse("--sandbox", "the nodes say what they shut in");
  return {};
}

/// Nobody could be asked, or no store was there: elsewhere it may go well.
bool is_away(errc code) { return code == errc::unavailable || code == errc::timed_out; }

project_options where(const build_options& options) {
  project_options out;
  out.directory = options.directory;
  out.state = options.state;
  out.remote = options.remote;
  out.remote.at = options.coordinator;
  return out;
}

build_summary summary_of(const job_info& job) {
  build_summary out;
  const auto& end = *job.outcome;
  out.ran = end.progress.ran;
  out.cached = end.progress.cached;
  out.failed = end.progress.failed;
  for (const auto& one : end.failures)
    out.diagnostics.push_back({diagnostic_line::level::error, one.path, one.message});
  if (job.state != job_state::done)
    out.diagnostics.push_back(
        {diagnostic_line::level::error, "",
         end.message.empty() ? fmt::format("the job is {}", to_string(job.state)) : end.message});
  return out;
}

/// One build there, in the order in which it goes wrong.
class cluster_build {
 public:
  cluster_build(console& out, const build_options& options)
      : out_(out), log_(make_log(options.log_level, false)), shown_(out), session_(session(options)) {}

  result<job_info> run(const build_options& options) {
    job_wish wish;
    wish.directory = options.directory;
    wish.git_revision = options.git_revision;
    wish.keep_going = options.keep_going;
    job_submission sending({out_, shown_, words_, *log_, session_}, std::move(wish));
    GRAPHITE_CHECK(sending.read());
    GRAPHITE_CHECK(sending.submit());
    GRAPHITE_CHECK(sending.upload());
    auto ended = job_waiting(out_, shown_, words_).wait(session_, sending.job());
    shown_.finish();
    if (!ended && is_away(ended.error().code))
      ended.error().context += fmt::format("; job {} goes on there if it comes back", sending.job().value);
    return ended;
  }

  int fetch(job_id job, const std::string& into) {
    return fetch_and_tell(out_, shown_, session_, job, into, *log_);
  }

 private:
  job_session session(const build_options& options) {
    job_session_options how;
    how.first_answer_within = away_after;
    how.on_away = [this](const error& why) {
      shown_.finish();
      out_.warn(why.context + "; trying again");
    };
    return session_with(where(options), how);
  }

  console& out_;
  last_words words_;
  std::unique_ptr<log_sink> log_;
  live_progress shown_;
  job_session session_;
};

}  // namespace

std::optional<int> build_on_cluster(const build_options& options) {
  console out(options.json);
  const auto started = std::chrono::steady_clock::now();
  if (const auto fits = check_options(options); !fits) return out.failed(fits.error());
  cluster_build cluster(out, options);
  const auto job = cluster.run(options);
  if (!job && is_away(job.error().code)) {
    auto why = job.error();
    if (options.local_fallback) {
      out.warn("the cluster is away, so this machine builds: " + why.context);
      out.object({{"event", "fallback"}, {"message", why.context}});
      return std::nullopt;
    }
    why.context = "the cluster is away: " + why.context + ". --local-fallback builds on this machine instead";
    return out.failed({errc::unavailable, why.context});
  }
  if (!job) return out.failed(job.error());
  auto code = exit_code_of(*job);
  if (code == exit_ok && !options.into.empty()) code = cluster.fetch(job->id, options.into);
  auto summary = summary_of(*job);
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  auto object = to_json(summary, false);
  object["job"] = job->id.value;
  print_summary(out, summary, false);
  out.object(object);
  return code;
}

}  // namespace graphite
