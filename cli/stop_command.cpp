#include <CLI/CLI.hpp>

#include <memory>

#include "cli/attach.hpp"
#include "cli/exit_codes.hpp"
#include "cli/json.hpp"

namespace graphite {

namespace {

struct stop_options {
  project_options project;
  double timeout_seconds = 30;
};

int run_stop(const stop_options& options) {
  console out(options.project.json);
  auto client = attach(options.project);
  if (!client) return out.failed(client.error());
  const std::uint64_t pid = (*client)->service_pid();
  const auto stopped =
      (*client)->stop(milliseconds(static_cast<std::int64_t>(options.timeout_seconds * 1000)));
  if (!stopped) return out.failed(stopped.error());
  out.say("process {} has stopped", pid);
  out.object({{"event", "stop"}, {"pid", pid}});
  return exit_ok;
}

}  // namespace

void add_stop(CLI::App& root, chosen_command& chosen) {
  auto kept = std::make_shared<stop_options>();
  CLI::App& command = *root.add_subcommand("stop", "End the running service in good order");
  command.add_option("--timeout", kept->timeout_seconds, "Seconds to wait for its end")
      ->envname("GRAPHITE_STOP_TIMEOUT")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.001, 86400.0))
      ->capture_default_str();
  add_project_options(command, kept->project);
  command.footer("Example:\n  graphite stop");
  command.callback([kept, &chosen] { chosen = [kept] { return run_stop(*kept); }; });
}

}  // namespace graphite
