#include <CLI/CLI.hpp>

#include <memory>

#include "cli/commands.hpp"
#include "cli/watch.hpp"

namespace graphite {

void add_watch(CLI::App& root, chosen_command& chosen, const command_handlers& handlers) {
  if (!handlers.watch) return;
  auto kept = std::make_shared<watch_options>();
  auto& options = *kept;
  CLI::App& command =
      *root.add_subcommand("watch", "Watch sources here and have a coordinator elsewhere build what changes");
  command.add_option("-C,--directory", options.directory, "Project folder, or one below it")
      ->envname("GRAPHITE_DIRECTORY")
      ->type_name("DIR");
  command.add_option("--coordinator", options.coordinator, "Its control port")
      ->envname("GRAPHITE_COORDINATOR")
      ->type_name("HOST[:PORT]")
      ->capture_default_str();
  command.add_option("--keys", options.keys, "This watcher's part of the keys: DIR/nodes/NAME")
      ->envname("GRAPHITE_KEYS")
      ->type_name("DIR")
      ->required();
  command.add_option("--view", options.view, "The coordinator's view that is fed from here")
      ->envname("GRAPHITE_VIEW")
      ->type_name("NAME")
      ->capture_default_str();
  add_json_option(command, options.json);
  add_log_level_option(command, options.log_level);
  command.add_flag("--log-json", options.log_json, "One JSON object a line of the log")
      ->envname("GRAPHITE_LOG_JSON");
  command.footer(
      "No file system is shared: each closed revision is a snapshot, named by digest. What the cluster's "
      "stores\n"
      "have not got is brought to them, then the coordinator is told. Nothing is built or kept here.\n"
      "It dials the coordinator and keeps dialling; what changes meanwhile is told when it is back.\n\n"
      "Example:\n"
      "  graphite keys node keys studio --role watch\n"
      "  graphite watch -C ~/game --coordinator farm --keys keys/nodes/studio");
  command.callback([&chosen, kept, run = handlers.watch] { chosen = [kept, run] { return run(*kept); }; });
}

}  // namespace graphite
