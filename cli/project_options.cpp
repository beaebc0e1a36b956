#include <CLI/CLI.hpp>

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

void add_asking_options(CLI::App& command, project_options& options) {
  add_project_options(command, options);
  add_remote_options(command, options.remote);
}

void add_pin_option(CLI::App& command, std::string& pin) {
  command
      .add_option(
          "--pin", pin,
          "Bind threads to the processors of their NUMA node: auto (where nobody else has them), on, off")
      ->envname("GRAPHITE_PIN")
      ->type_name("WHEN")
      ->check(CLI::IsMember({"auto", "on", "off"}))
      ->capture_default_str();
}

void add_sandbox_option(CLI::App& command, std::string& sandbox) {
  command
      .add_option(
          "--sandbox", sandbox,
          "What commands are shut in by: best (as the machine allows), required (namespaces, else none "
          "runs), off (default: what the project says, or best)")
      ->envname("GRAPHITE_SANDBOX")
      ->type_name("HOW")
      ->check(CLI::IsMember({"best", "required", "off"}));
}

void add_action_options(CLI::App& command, std::uint32_t& jobs, std::string& scratch, std::string& pin) {
  command
      .add_option(
          "--jobs", jobs,
          "Actions at once (default: what the project says, or one for each processor, fewer with a quota)")
      ->envname("GRAPHITE_JOBS")
      ->type_name("N")
      ->check(CLI::Range(1, 4096));
  command.add_option("--scratch", scratch, "Where small actions work: memory (a tmpfs) or disk")
      ->envname("GRAPHITE_SCRATCH")
      ->type_name("WHERE")
      ->check(CLI::IsMember({"memory", "disk"}));
  add_pin_option(command, pin);
}

void add_publisher_keys_option(CLI::App& command, std::string& keys) {
  command
      .add_option("--keys", keys,
                  "Sign generations with the keys of this folder, which `graphite keygen` made")
      ->envname("GRAPHITE_KEYS")
      ->type_name("DIR");
}

void add_log_level_option(CLI::App& command, std::string& level) {
  command.add_option("--log-level", level, "debug, info, warning or error")
      ->envname("GRAPHITE_LOG_LEVEL")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->capture_default_str();
}

}  // namespace graphite
