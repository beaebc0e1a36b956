#pragma once

#include <string>
#include <vector>

#include "cli/console.hpp"
#include "cli/remote_service.hpp"
#include "core/messages/jobs.hpp"

namespace graphite {

/// What a project's job is to be: the options of docs/cli.md.
struct job_wish {
  std::string directory = ".";  ///< the project's folder or one below it
  std::string git_revision;     ///< this commit's tree; empty: the working tree
  std::string view = "main", label;
  std::string key;  ///< of the user's choice; empty: a new one
  job_priority priority = job_priority::normal;
  milliseconds deadline{0};
  std::vector<std::string> targets;
  bool keep_going = false;
};

/// What `graphite submit` was asked for.
struct submit_options {
  job_wish wish;
  std::string state;      ///< of the coordinator on this machine
  remote_options remote;  ///< the coordinator elsewhere
  bool wait = false, json = false;
  std::string into;  ///< where what was made comes; empty: it stays there
  std::string log_level = "warning";
};

/// Submits, uploads what is missing, and waits where it was asked to. Returns the exit code.
int run_submit(const submit_options& options);

}  // namespace graphite
