#include <CLI/CLI.hpp>

#include <memory>

#include "cli/commands.hpp"

namespace graphite {

void add_doctor(CLI::App& root, chosen_command& chosen, const command_handlers& handlers) {
  if (!handlers.doctor) return;
  struct words {
    project_options project;
    std::string pinning = "auto";
    doctor_options options;
  };
  auto kept = std::make_shared<words>();
  CLI::App& command = *root.add_subcommand("doctor", "Say what this machine gives and what to change");
  auto& options = kept->options;
  add_project_options(command, kept->project);
  command.add_option("--picture", options.picture, "Draw the machine as SVG there; replaces the file")
      ->envname("GRAPHITE_PICTURE")
      ->type_name("FILE");
  command
      .add_flag("--strict", options.strict,
                "End with 1 where a finding is bad: something does not work. Notes and warnings give 0")
      ->envname("GRAPHITE_STRICT");
  add_pin_option(command, kept->pinning);
  command.footer(
      "Each finding has a name, a state (ok, note, warning or bad) and, unless ok, what to change. Outside a "
      "project\n"
      "what is about one is left out. Changes nothing, needs no service.\n\n"
      "Examples:\n"
      "  graphite doctor -C assets\n"
      "  graphite doctor --picture machine.svg\n"
      "  graphite doctor --json | jq '.checks[] | select(.state != \"ok\")'");
  command.callback([kept, &chosen, run = handlers.doctor] {
    auto& given = kept->options;
    given.directory = kept->project.directory;
    given.state = kept->project.state;
    given.json = kept->project.json;
    if (const auto mode = parse_pin_mode(kept->pinning)) given.pinning = *mode;
    chosen = [kept, run] { return run(kept->options); };
  });
}

}  // namespace graphite
