#include <CLI/CLI.hpp>

#include <memory>

#include "cli/exit_codes.hpp"
#include "cli/job_access.hpp"
#include "cli/job_text.hpp"

namespace graphite {

namespace {

struct logs_options {
  project_options project;
  std::uint64_t id = 0, after = 0;
  std::string path;
  bool follow = false;
};

/// Text for people, with a line wherever another asset speaks.
class log_printer {
 public:
  explicit log_printer(console& out) : out_(out) {}

  void take(job_id job, const job_log_batch& batch) {
    if (batch.left_out > 0) {
      if (!out_.json()) out_.remark(fmt::format("… {} pieces are kept no more", batch.left_out));
      out_.object({{"event", "left_out"}, {"job", job.value}, {"count", batch.left_out}});
    }
    for (const auto& one : batch.items) {
      if (!out_.json()) print(one);
      out_.object(to_json(job, one));
    }
    out_.flush();
  }

 private:
  void print(const job_log_piece& one) {
    if (one.path != last_) out_.line(out_.styled("==> " + printable(one.path) + " <==", text_style::strong));
    last_ = one.path;
    auto text = printable(one.text, true);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    out_.line(text);
  }

  console& out_;
  std::string last_;
};

int run_logs(const logs_options& options) {
  console out(options.project.json);
  const job_id id{options.id};
  job_session_options how;
  if (!options.follow) how.retry_for = milliseconds(0);
  how.first_answer_within = milliseconds(0);
  how.on_away = [&out](const error& why) { out.warn(why.context + "; trying again"); };
  auto jobs = session_with(options.project, how);
  log_printer printer(out);
  const auto end =
      jobs.logs({id, options.path, options.after, options.follow}, [&](const job_log_batch& batch) {
        printer.take(id, batch);
        return true;
      });
  if (!end) return out.failed(end.error());
  return exit_ok;
}

}  // namespace

void add_logs(CLI::App& root, chosen_command& chosen) {
  auto kept = std::make_shared<logs_options>();
  CLI::App& command = *root.add_subcommand("logs", "Show what the tools of a job said");
  command.add_option("ID", kept->id, "Its number")->required();
  command.add_flag("-f,--follow", kept->follow, "Go on until the job is over")
      ->envname("GRAPHITE_LOGS_FOLLOW");
  command.add_option("--path", kept->path, "Only of this asset")
      ->envname("GRAPHITE_LOGS_PATH")
      ->type_name("PATH");
  command.add_option("--after", kept->after, "Only what has a number over this one (see --json)")
      ->envname("GRAPHITE_LOGS_AFTER")
      ->type_name("NUMBER");
  add_coordinator_options(command, kept->project);
  command.footer(
      "The coordinator keeps the newest part of it; what it keeps no more is counted.\n\n"
      "Examples:\n"
      "  graphite logs -f 12\n"
      "  graphite logs 12 --path shaders/sky.spv");
  command.callback([kept, &chosen] { chosen = [kept] { return run_logs(*kept); }; });
}

}  // namespace graphite
