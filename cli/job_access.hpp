#pragma once

#include <memory>
#include <string>

#include "cli/commands.hpp"
#include "cli/job_session.hpp"

namespace graphite {

/// --coordinator, --keys and --token with the project options: where a coordinator's jobs are asked for.
/// Without --coordinator it is the socket of the coordinator that serves the project on this machine.
void add_coordinator_options(CLI::App& command, project_options& options);
/// --coordinator and --token alone, of commands whose --keys are for more.
void add_coordinator_address(CLI::App& command, remote_options& options);

/// "HOST" with the port where a coordinator answers clients: 7400, or 7405 where there is a token alone.
std::string with_clients_port(const remote_options& options);

/// Connects to the coordinator that `options` mean. Errors: those of attach(), with what to do.
result<std::unique_ptr<service_client>> attach_coordinator(const project_options& options);

/// A session with its jobs, that connects when it is first asked.
job_session session_with(const project_options& options, job_session_options how);
/// One that asks once: of commands that only look.
job_session asking_once(const project_options& options);

}  // namespace graphite
