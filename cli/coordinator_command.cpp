#include <CLI/CLI.hpp>

#include <memory>

#include "cli/commands.hpp"

namespace graphite {

namespace {

/// Up to a day.
void add_seconds(CLI::App& command, const char* name, const char* variable, std::uint32_t& into,
                 const char* about) {
  command.add_option(name, into, about)
      ->envname(variable)
      ->type_name("SECONDS")
      ->check(CLI::Range(1, 86'400))
      ->capture_default_str();
}

}  // namespace

void add_coordinator(CLI::App& root, chosen_command& chosen, const command_handlers& handlers) {
  if (!handlers.dev) return;
  struct state {
    project_options project;
    dev_options dev;
  };
  auto kept = std::make_shared<state>();
  dev_options& options = kept->dev;
  options.control = "127.0.0.1:7401";
  CLI::App& command =
      *root.add_subcommand("coordinator", "Watch, rebuild on nodes, and serve running programs");
  add_project_options(command, kept->project);
  command.add_option("--control", options.control, "Where nodes dial in")
      ->envname("GRAPHITE_CONTROL")
      ->type_name("ADDRESS:PORT")
      ->capture_default_str();
  command
      .add_option("--control-keys", options.control_keys,
                  "The coordinator's part of the keys: DIR/nodes/NAME, made with --role coordinator")
      ->envname("GRAPHITE_CONTROL_KEYS")
      ->type_name("DIR")
      ->required();
  command.add_option("--copies", options.copies, "Stores that must have an output before its result counts")
      ->envname("GRAPHITE_COPIES")
      ->type_name("N")
      ->check(CLI::Range(1, 16))
      ->capture_default_str();
  add_seconds(command, "--store-away", "GRAPHITE_STORE_AWAY", options.store_away_s,
              "Seconds that a store may be away before others get copies of what it had");
  add_seconds(command, "--patience", "GRAPHITE_PATIENCE", options.patience_s,
              "An action or a job that needs what no node has fails after so many seconds");
  const auto ports = add_serving_options(command, options);
  command.footer(
      "Does what `graphite dev` does, but for the actions: those run on nodes, which dial in and prove their "
      "role.\n"
      "Contents travel by digest between nodes that keep them (`graphite node --store`).\n\n"
      "Example:\n"
      "  graphite keygen keys\n"
      "  graphite keys node keys main --role coordinator && graphite keys node keys node-1\n"
      "  graphite coordinator --control-keys keys/nodes/main\n"
      "  graphite node --keys keys/nodes/node-1 --store");
  command.callback([kept, ports, &chosen, run = handlers.dev] {
    kept->dev.directory = kept->project.directory;
    kept->dev.state = kept->project.state;
    kept->dev.json = kept->project.json;
    ports();
    chosen = [kept, run] { return run(kept->dev); };
  });
}

}  // namespace graphite
