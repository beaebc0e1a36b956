#include <CLI/CLI.hpp>

#include <memory>

#include "cli/attach.hpp"
#include "cli/exit_codes.hpp"
#include "cli/json.hpp"

namespace graphite {

namespace {

struct rollback_options {
  project_options project;
  std::string channel;
  std::uint64_t generation = 0;
};

int run_rollback(const rollback_options& options) {
  console out(options.project.json);
  auto client = attach(options.project);
  if (!client) return out.failed(client.error());
  const auto made = (*client)->rollback(options.channel, options.generation);
  if (!made) return out.failed(made.error());
  out.say("channel {} shows generation {} again, as generation {}", printable(made->channel),
          options.generation, made->sequence.value);
  out.object({{"event", "rollback"}, {"from", options.generation}, {"generation", to_json(*made)}});
  return exit_ok;
}

}  // namespace

void add_rollback(CLI::App& root, chosen_command& chosen) {
  auto kept = std::make_shared<rollback_options>();
  CLI::App& command = *root.add_subcommand("rollback", "Publish an older generation again");
  command.add_option("CHANNEL", kept->channel, "Channel, as `status` shows it")->required();
  command.add_option("GENERATION", kept->generation, "Sequence number of the generation to show again")
      ->required();
  add_asking_options(command, kept->project);
  command.footer(
      "The old content gets a new sequence number, so subscribers take it as any other change. What is\n"
      "saved afterwards is shown on top of it; other assets stay as they were rolled back to.\n\n"
      "Example:\n  graphite rollback main 41");
  command.callback([kept, &chosen] { chosen = [kept] { return run_rollback(*kept); }; });
}

}  // namespace graphite
