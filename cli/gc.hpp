#pragma once

#include <optional>
#include <string>

#include "actors/facade.hpp"
#include "cli/console.hpp"

namespace graphite {

/// What `graphite gc` was asked for; the options of docs/cli.md.
struct gc_options {
  std::string directory = ".";  ///< -C: the project's folder or one below it
  std::string state;            ///< --state: empty, the project's own
  bool json = false;
  gc_request request;
  std::string log_level = "warning";
};

/// Opens the state folder itself (nobody serves it) and collects. Ends with print_gc(). The exit code.
int run_gc(const gc_options& options);

/// Asks the service of the state folder. Nothing where nobody serves it; otherwise the exit code.
std::optional<int> gc_attached(const gc_options& options);

/// Shows what was done (the object of --json).
void print_gc(console& out, const gc_report& report, bool dry_run);

}  // namespace graphite
