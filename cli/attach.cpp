#include "cli/attach.hpp"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/command_line.hpp"
#include "cli/config/project_file.hpp"

namespace graphite {

namespace {

/// Parsing a project compiles its globs; most files say nothing of a state folder and need not be parsed.
bool may_name_state(const std::string& text) { return text.find("state") != std::string::npos; }

std::string state_of(const std::string& file) {
  std::string usual = (std::filesystem::path(file).parent_path() / ".graphite").string();
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!may_name_state(text.str())) return usual;
  const parsed_project parsed = parse_project(text.str(), {file, "", "/"});
  return parsed.value ? parsed.value->state : usual;
}

std::string restart_file(const std::string& state_folder) { return state_folder + "/restarting"; }

}  // namespace

restart_mark::restart_mark(const std::string& state_folder) : file_(restart_file(state_folder)) {
  std::ofstream(file_) << ::getpid();
}

restart_mark::~restart_mark() {
  std::error_code unknown;
  std::filesystem::remove(file_, unknown);
}

bool is_restarting(const std::string& state_folder) {
  ::pid_t pid = 0;
  return std::ifstream(restart_file(state_folder)) >> pid && pid > 0 &&
         (::kill(pid, 0) == 0 || errno == EPERM);
}

result<std::string> find_state_folder(const std::string& directory, const std::string& state) {
  if (!state.empty()) {
    std::error_code code;
    const auto absolute = std::filesystem::absolute(state, code);
    if (code) return fail(errc::io, state + ": " + code.message());
    return absolute.lexically_normal().string();
  }
  GRAPHITE_TRY(const std::string file, find_project_file(directory));
  return state_of(file);
}

result<std::unique_ptr<service_client>> attach(const std::string& state_folder) {
  service_client_options options;
  options.state_folder = state_folder;
  options.program = program_version;
  auto client = service_client::connect(options);
  if (!client && client.error().code == errc::unavailable)
    client.error().context += ": start the service with `graphite dev`, then ask again";
  return client;
}

result<std::unique_ptr<service_client>> attach(const remote_options& remote) {
  service_client_options options;
  GRAPHITE_TRY(options.address, address_of(remote));
  options.program = program_version;
  return service_client::connect(std::move(options));
}

result<std::unique_ptr<service_client>> attach(const project_options& options) {
  if (!options.remote.at.empty()) return attach(options.remote);
  GRAPHITE_TRY(const std::string folder, find_state_folder(options.directory, options.state));
  return attach(folder);
}

}  // namespace graphite
