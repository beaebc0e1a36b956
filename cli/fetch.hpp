#pragma once

#include <cstdint>
#include <string>

#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/job_session.hpp"
#include "cli/live_progress.hpp"
#include "core/ports/log.hpp"

namespace graphite {

/// What `graphite fetch` was asked for.
struct fetch_options {
  project_options project;
  std::uint64_t job = 0;
  std::string into;
  std::string log_level = "warning";
};

/// Returns the exit code.
int run_fetch(const fetch_options& options);

/// Makes `into` of what a job has made, and says so. The exit code.
int fetch_and_tell(console& out, live_progress& shown, job_session& session, job_id job,
                   const std::string& into, log_sink& log);

}  // namespace graphite
