#include <CLI/CLI.hpp>

#include <memory>
#include <vector>

#include "cli/exit_codes.hpp"
#include "cli/job_access.hpp"
#include "cli/job_text.hpp"
#include "cli/job_waiting.hpp"
#include "platform/linux/clock.hpp"

namespace graphite {

namespace {

struct listing_options {
  project_options project;
  bool open_only = false;
  std::uint64_t before = 0;
  std::uint32_t most = 100;
};

struct one_job_options {
  project_options project;
  std::uint64_t id = 0;
  bool wait = false;
};

struct cancel_options {
  project_options project;
  std::vector<std::uint64_t> ids;
};

int run_jobs(const listing_options& options) {
  console out(options.project.json);
  auto jobs = asking_once(options.project);
  const auto all = jobs.list({options.open_only, job_id{options.before}, options.most});
  if (!all) return out.failed(all.error());
  if (all->empty()) out.say("no jobs");
  if (!all->empty() && !out.json()) out.line(job_columns(out));
  for (const auto& one : *all) {
    if (!out.json()) out.line(job_line(out, one, system_clock_source().unix_ns()));
    out.object(to_json(one));
  }
  if (all->size() == options.most)
    out.remark(fmt::format("older ones: `graphite jobs --before {}`", all->back().id.value));
  return exit_ok;
}

int run_job(const one_job_options& options) {
  console out(options.project.json);
  const job_id id{options.id};
  if (options.wait) {
    last_words words;
    auto jobs = session_with(options.project, {});
    return wait_and_tell(out, jobs, id, words);
  }
  const auto job = asking_once(options.project).status(id);
  if (!job) return out.failed(job.error());
  if (!out.json()) print_job(out, *job, system_clock_source().unix_ns());
  out.object(to_json(*job));
  return exit_ok;
}

int run_cancel(const cancel_options& options) {
  console out(options.project.json);
  auto jobs = asking_once(options.project);
  int code = exit_ok;
  for (const auto id : options.ids) {
    const auto job = jobs.cancel(job_id{id});
    if (!job) {
      code = out.failed(job.error());
      continue;
    }
    out.say("job {} {}", id,
            job->state == job_state::cancelled ? "cancelled"
                                               : fmt::format("was over: {}", to_string(job->state)));
    out.object(to_json(*job));
  }
  return code;
}

}  // namespace

void add_jobs(CLI::App& root, chosen_command& chosen) {
  auto kept = std::make_shared<listing_options>();
  CLI::App& command = *root.add_subcommand("jobs", "List the jobs of a coordinator, the newest first");
  command.add_flag("--open", kept->open_only, "Only those that go on")->envname("GRAPHITE_JOBS_OPEN");
  command.add_option("--before", kept->before, "Only older ones than this job")
      ->envname("GRAPHITE_JOBS_BEFORE")
      ->type_name("ID");
  command.add_option("--most", kept->most, "At most so many")
      ->envname("GRAPHITE_JOBS_MOST")
      ->type_name("N")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  add_coordinator_options(command, kept->project);
  command.footer(
      "Shows the jobs of your tenant; all jobs to who may operate the service.\n\n"
      "Examples:\n"
      "  graphite jobs --coordinator farm --keys ~/keys/ci\n"
      "  graphite jobs --open --json | jq .job           numbers of those that go on");
  command.callback([kept, &chosen] { chosen = [kept] { return run_jobs(*kept); }; });
}

void add_job(CLI::App& root, chosen_command& chosen) {
  auto kept = std::make_shared<one_job_options>();
  CLI::App& command = *root.add_subcommand("job", "Tell of one job, or wait for its end");
  command.add_option("ID", kept->id, "Its number")->required();
  command.add_flag("--wait", kept->wait, "Wait until it is over; the exit code says how it ended")
      ->envname("GRAPHITE_WAIT");
  add_coordinator_options(command, kept->project);
  command.footer(
      "Waiting may be given up at any time: the job goes on.\n\n"
      "Examples:\n"
      "  graphite job 12\n"
      "  graphite job 12 --wait && deploy\n"
      "  graphite why --job 12 images/hero.png           why it was made, or failed");
  command.callback([kept, &chosen] { chosen = [kept] { return run_job(*kept); }; });
}

void add_cancel(CLI::App& root, chosen_command& chosen) {
  auto kept = std::make_shared<cancel_options>();
  CLI::App& command = *root.add_subcommand("cancel", "End jobs");
  command.add_option("ID", kept->ids, "Their numbers")->required();
  add_coordinator_options(command, kept->project);
  command.footer(
      "What other jobs wait for goes on; what was made is kept. A job that is over is not changed.\n\n"
      "Example:\n"
      "  graphite cancel 12 --coordinator farm --keys ~/keys/ci");
  command.callback([kept, &chosen] { chosen = [kept] { return run_cancel(*kept); }; });
}

}  // namespace graphite
