#pragma once

#include <memory>
#include <string>

#include "cli/commands.hpp"
#include "gateway/service_client.hpp"

namespace graphite {

/// The state folder meant by `directory` and `state` (absolute), without reading more of the project file
/// than where its state lies: a mistake elsewhere in it does not keep anybody from asking a running service.
/// Errors: not_found (no project file there or above).
result<std::string> find_state_folder(const std::string& directory, const std::string& state);

/// Connects to the service of a state folder. Errors: those of service_client::connect, with what to do.
result<std::unique_ptr<service_client>> attach(const std::string& state_folder);
result<std::unique_ptr<service_client>> attach(const project_options& options);
/// The same of the service at `remote.at`. Errors: those of address_of, too.
result<std::unique_ptr<service_client>> attach(const remote_options& remote);

/// Says in the state folder, while it lives, that this process serves it no longer for a moment only. Where
/// it cannot be written a `build` of that moment does not wait: it says that the service went away.
class restart_mark {
 public:
  explicit restart_mark(const std::string& state_folder);
  ~restart_mark();
  restart_mark(const restart_mark&) = delete;
  restart_mark& operator=(const restart_mark&) = delete;

 private:
  std::string file_;
};
/// Whether a process that is alive has said so.
bool is_restarting(const std::string& state_folder);

}  // namespace graphite
