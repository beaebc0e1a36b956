#include <CLI/CLI.hpp>

#include <memory>

#include "cli/commands.hpp"

namespace graphite {

namespace {

CLI::Option* add_port(CLI::App& command, const char* name, const char* variable, std::uint16_t& port,
                      const char* what) {
  return command.add_option(name, port, what)->envname(variable)->type_name("PORT")->capture_default_str();
}

void add_address(CLI::App& command, const char* name, const char* variable, std::string& address,
                 const char* what) {
  command.add_option(name, address, what)->envname(variable)->type_name("ADDRESS:PORT");
}

void add_listening(CLI::App& command, dev_options& options) {
  command
      .add_option("--listen", options.listen,
                  "Numeric address of the ports of heads and chunks; off loopback it needs --keys")
      ->envname("GRAPHITE_LISTEN")
      ->type_name("ADDRESS")
      ->capture_default_str();
  add_address(command, "--listen-clients", "GRAPHITE_LISTEN_CLIENTS", options.listen_clients,
              "Answer clients with a certificate here, usually port 7400; off loopback it needs --keys");
  add_address(command, "--listen-tokens", "GRAPHITE_LISTEN_TOKENS", options.listen_tokens,
              "Answer clients with a token here, usually port 7405; off loopback it needs --keys");
  add_address(command, "--listen-operators", "GRAPHITE_LISTEN_OPERATORS", options.listen_operators,
              "HTTP here in place of --metrics-port; with --keys by TLS, for operators' certificates");
  command.add_option("--tenant", options.tenant, "Whose tokens count")
      ->envname("GRAPHITE_TENANT")
      ->capture_default_str();
}

}  // namespace

std::function<void()> add_serving_options(CLI::App& command, dev_options& options) {
  add_publisher_keys_option(command, options.keys);
  auto* heads =
      add_port(command, "--heads-port", "GRAPHITE_HEADS_PORT", options.heads_port,
               "Where programs hear of new generations (loopback; any free port where the default is taken)");
  auto* chunks = add_port(command, "--chunks-port", "GRAPHITE_CHUNKS_PORT", options.chunks_port,
                          "Where programs fetch content (loopback, as above)");
  auto* metrics = add_port(command, "--metrics-port", "GRAPHITE_METRICS_PORT", options.metrics_port,
                           "HTTP: /metrics, /healthz, /readyz, /status (loopback, as above)");
  add_listening(command, options);
  add_log_level_option(command, options.log_level);
  command.add_flag("--log-json", options.log_json, "Log lines on standard error are JSON objects")
      ->envname("GRAPHITE_LOG_JSON");
  return [&options, heads, chunks, metrics] {
    options.heads_port_given = heads->count() > 0;
    options.chunks_port_given = chunks->count() > 0;
    options.metrics_port_given = metrics->count() > 0;
  };
}

void add_dev(CLI::App& root, chosen_command& chosen, const command_handlers& handlers) {
  if (!handlers.dev) return;
  struct state {
    project_options project;
    dev_options dev;
  };
  auto kept = std::make_shared<state>();
  dev_options& options = kept->dev;
  CLI::App& command = *root.add_subcommand("dev", "Watch, rebuild on save, and serve running programs");
  add_project_options(command, kept->project);
  add_action_options(command, options.jobs, options.scratch, options.pin);
  add_sandbox_option(command, options.sandbox);
  const auto ports = add_serving_options(command, options);
  command.footer(
      "Runs until Ctrl-C or `graphite stop`. While it runs, `build`, `status`, `why` … ask it.\n\n"
      "Examples:\n"
      "  graphite dev\n"
      "  graphite dev -C ~/game --jobs 4\n"
      "  graphite dev --json                   one object a line, the first is {\"event\":\"ready\",…}");
  command.callback([kept, ports, &chosen, run = handlers.dev] {
    kept->dev.directory = kept->project.directory;
    kept->dev.state = kept->project.state;
    kept->dev.json = kept->project.json;
    ports();
    chosen = [kept, run] { return run(kept->dev); };
  });
}

}  // namespace graphite
