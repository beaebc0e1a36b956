#include "cli/job_access.hpp"

#include <CLI/CLI.hpp>

#include <filesystem>

#include "cli/attach.hpp"
#include "cli/with_port.hpp"
#include "platform/keys/key_layout.hpp"

namespace graphite {

namespace {

constexpr const char *certificates_port = "7400", *tokens_port = "7405", *control_port = ":7401";

bool has_certificate(const std::string& keys) {
  std::error_code unknown;
  return std::filesystem::exists(key_layout::join(keys, "client.crt"), unknown);
}

/// What to do where nobody answers.
std::string advice(const project_options& options) {
  if (options.remote.at.empty())
    return "start it with `graphite coordinator`, or name one elsewhere: --coordinator HOST:PORT";
  if (options.remote.at.ends_with(control_port))
    return "7401 is where nodes and watchers dial in; clients are answered at 7400, or at 7405 by token";
  return "is `graphite coordinator` running there, with --listen-clients or --listen-tokens at this port?";
}

}  // namespace

void add_coordinator_address(CLI::App& command, remote_options& options) {
  command
      .add_option("--coordinator", options.at,
                  "The coordinator, where it answers clients (default: this machine's, of the project; port "
                  "7400, 7405 with a token)")
      ->envname("GRAPHITE_COORDINATOR")
      ->type_name("HOST[:PORT]");
  command
      .add_option("--token", options.token_file,
                  "File with the token to show (default: `token` in the folder of --keys)")
      ->envname("GRAPHITE_TOKEN_FILE")
      ->type_name("FILE");
}

void add_coordinator_options(CLI::App& command, project_options& options) {
  add_project_options(command, options);
  add_coordinator_address(command, options.remote);
  command.add_option("--keys", options.remote.keys, "Folder with the client's keys for --coordinator")
      ->envname("GRAPHITE_KEYS")
      ->type_name("DIR");
}

std::string with_clients_port(const remote_options& options) {
  const bool shows_token = !options.token_file.empty() || !options.keys.empty();
  const bool by_token = shows_token && (options.keys.empty() || !has_certificate(options.keys));
  return with_port(options.at, by_token ? tokens_port : certificates_port);
}

result<std::unique_ptr<service_client>> attach_coordinator(const project_options& options) {
  auto full = options;
  full.remote.at = with_clients_port(options.remote);
  auto client = full.remote.at.empty() ? attach(full) : attach(full.remote);
  if (client || (client.error().code != errc::unavailable && client.error().code != errc::timed_out))
    return client;
  auto& why = client.error();
  why.context = full.remote.at.empty() ? "no coordinator serves this project: " + advice(full)
                                       : why.context + ": " + advice(full);
  return client;
}

job_session session_with(const project_options& options, job_session_options how) {
  return job_session([options] { return attach_coordinator(options); }, std::move(how));
}

job_session asking_once(const project_options& options) {
  job_session_options once;
  once.retry_for = milliseconds(0);
  return session_with(options, std::move(once));
}

}  // namespace graphite
