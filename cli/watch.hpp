#pragma once

#include <string>

namespace graphite {

/// What `graphite watch` was asked for; the options of docs/cli.md.
struct watch_options {
  std::string directory = ".";                 ///< -C: the project's folder or one below it
  std::string coordinator = "127.0.0.1:7401";  ///< its control port
  std::string keys;                            ///< the part nodes/NAME, of the role watch
  std::string view = "main";
  bool json = false;
  std::string log_level = "info";
  bool log_json = false;
};

/// Feeds a view of a coordinator from the sources here until told to stop. Returns the exit code.
int run_watch(const watch_options& options);

}  // namespace graphite
