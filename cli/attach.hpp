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

}  // namespace graphite
