#include <CLI/CLI.hpp>

#include <memory>

#include "cli/commands.hpp"
#include "cli/config/quantity.hpp"
#include "cli/job_access.hpp"
#include "cli/submit.hpp"

namespace graphite {

namespace {

/// Of 0 and more; an error is CLI11's kind of one.
std::string check_deadline(const std::string& text) {
  const auto time = parse_duration(text);
  if (!time) return time.error().context;
  return time->count() > 0 && *time <= job_limits::deadline_max ? "" : "more than nothing, at most 168 h";
}

void add_wish_options(CLI::App& command, submit_options& options, std::string& priority,
                      std::string& deadline) {
  auto& wish = options.wish;
  command.add_option("--rev", wish.git_revision, "The tree of this git revision, without a checkout")
      ->envname("GRAPHITE_REV")
      ->type_name("GITREV");
  command.add_flag("--wait", options.wait, "Wait until it is over; the exit code says how it ended")
      ->envname("GRAPHITE_WAIT");
  command.add_option("--into", options.into, "With --wait: bring what was made to this new folder")
      ->envname("GRAPHITE_OUTPUTS")
      ->type_name("DIR")
      ->needs("--wait");
  command.add_option("--priority", priority, "Among jobs: high, normal, low or background")
      ->envname("GRAPHITE_PRIORITY")
      ->type_name("P")
      ->check(CLI::IsMember({"high", "normal", "low", "background"}))
      ->capture_default_str();
  command.add_option("--deadline", deadline, "End it after so long, as 30min (default: never)")
      ->envname("GRAPHITE_DEADLINE")
      ->type_name("T")
      ->check(CLI::Validator(check_deadline, ""));
  command.add_option("--target", wish.targets, "Only this asset and what it needs; may be repeated")
      ->envname("GRAPHITE_TARGET")
      ->type_name("PATH");
  command.add_flag("-k,--keep-going", wish.keep_going, "Build what can be built in spite of failures")
      ->envname("GRAPHITE_KEEP_GOING");
  command.add_option("--view", wish.view, "The stream of states that this is the next one of")
      ->envname("GRAPHITE_VIEW")
      ->type_name("NAME")
      ->capture_default_str();
  command
      .add_option("--key", wish.key,
                  "Names this wish: submitted again with it, it is the same job (default: a new one)")
      ->envname("GRAPHITE_SUBMIT_KEY")
      ->type_name("TEXT");
  command.add_option("--label", wish.label, "For people (default: the project and the revision)")
      ->envname("GRAPHITE_LABEL")
      ->type_name("TEXT");
}

}  // namespace

void add_submit(CLI::App& root, chosen_command& chosen, const command_handlers& handlers) {
  if (!handlers.submit) return;
  struct state {
    project_options project;
    submit_options submit;
    std::string priority = "normal", deadline;
  };
  auto kept = std::make_shared<state>();
  CLI::App& command = *root.add_subcommand("submit", "Have a coordinator build a project as it is now");
  add_wish_options(command, kept->submit, kept->priority, kept->deadline);
  add_coordinator_options(command, kept->project);
  add_log_level_option(command, kept->submit.log_level);
  command.footer(
      "No file system is shared: the project file and the sources travel by digest, to the cluster's "
      "stores,\n"
      "and only what these have not got. The job is safe as soon as its number is said, and goes on whether\n"
      "anybody waits or not: `graphite job ID --wait`, `graphite logs -f ID`, `graphite cancel ID`.\n\n"
      "Examples:\n"
      "  graphite submit --coordinator farm --keys ~/keys/ci --wait --into out\n"
      "  graphite submit --rev origin/main --view main --key \"$CI_PIPELINE\" --deadline 30min\n"
      "  graphite submit --target maps/one.level --priority high");
  command.callback([kept, &chosen, run = handlers.submit] {
    auto& out = kept->submit;
    out.wish.directory = kept->project.directory;
    out.state = kept->project.state;
    out.json = kept->project.json;
    out.remote = kept->project.remote;
    out.wish.priority = job_priority_from_string(kept->priority).value_or(job_priority::normal);
    if (!kept->deadline.empty()) out.wish.deadline = parse_duration(kept->deadline).value_or(milliseconds(0));
    chosen = [kept, run] { return run(kept->submit); };
  });
}

}  // namespace graphite
