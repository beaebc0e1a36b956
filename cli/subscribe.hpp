#pragma once

#include <string>

namespace graphite {

/// What `graphite subscribe` was asked to do.
struct subscribe_options {
  std::string from;       ///< HOST:PORT of the heads
  std::string channel;    ///< empty: the only one
  std::string into;       ///< DIR
  bool no_files = false;  ///< segments instead of files
  std::string exec;       ///< shell command after a swap; empty: none
  bool json = false;      ///< one object a line on standard output
  std::string die_at;     ///< for tests: a point of mirror_tree::swap at which the process kills itself
};

/// Follows a channel into a folder until SIGINT or SIGTERM. Blocks; uses the calling thread, and one more
/// each while it syncs and while it runs the command.
/// Returns the exit code of docs/cli.md: 0 after a signal, 2 wrong options, 4 denied, 5 corrupt state.
int run_subscribe(const subscribe_options& options);

}  // namespace graphite
