#include "cli/fetch.hpp"

#include <CLI/CLI.hpp>

#include <memory>

#include "cli/job_access.hpp"

namespace graphite {

void add_fetch(CLI::App& root, chosen_command& chosen, const command_handlers& handlers) {
  if (!handlers.fetch) return;
  auto kept = std::make_shared<fetch_options>();
  CLI::App& command = *root.add_subcommand("fetch", "Bring here what a job has made");
  command.add_option("ID", kept->job, "The job's number")->required();
  command.add_option("DIR", kept->into, "A new folder, or an empty one")->required();
  add_coordinator_options(command, kept->project);
  add_log_level_option(command, kept->log_level);
  command.footer(
      "What the job shows, each asset a file under its path, comes from the cluster's stores and is "
      "checked;\n"
      "DIR is there when all of it is, or not at all.\n\n"
      "Examples:\n"
      "  graphite fetch 12 out --coordinator farm --keys ~/keys/ci\n"
      "  graphite submit --wait --into out               the same, at once");
  command.callback([kept, &chosen, run = handlers.fetch] { chosen = [kept, run] { return run(*kept); }; });
}

}  // namespace graphite
