#include "cli/commands.hpp"

namespace graphite {

void add_json_option(CLI::App& command, bool& json) {
  command.add_flag("--json", json, "Print one JSON object a line on standard output, nothing else there")
      ->envname("GRAPHITE_JSON");
}

void add_project_options(CLI::App& command, project_options& options) {
  command.add_option("-C,--directory", options.directory, "Project folder, or one below it")
      ->envname("GRAPHITE_DIRECTORY")
      ->type_name("DIR");
  command.add_option("--state", options.state, "State folder (default: what the project says, or .graphite)")
      ->envname("GRAPHITE_STATE")
      ->type_name("DIR");
  add_json_option(command, options.json);
}

}  // namespace graphite
