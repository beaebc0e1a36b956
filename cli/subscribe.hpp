#pragma once

#include <cstdint>
#include <string>

#include "platform/mirror/mirror_tree.hpp"

namespace graphite {

/// What `graphite subscribe` was asked to do.
struct subscribe_options {
  std::string from;                                  ///< HOST:PORT of the heads
  std::string channel;                               ///< empty: the only one
  std::string into;                                  ///< DIR
  std::string keys;                                  ///< folder of `graphite keys ticket`; empty: none
  std::string root;                                  ///< file of pinned roots; empty: that of `keys`
  bool no_files = false;                             ///< segments instead of files
  std::string exec;                                  ///< shell command after a swap; empty: none
  bool json = false;                                 ///< one object a line on standard output
  std::uint64_t log_bytes_max = swap_log_bytes_max;  ///< no option of the program
};

/// Follows a channel into a folder until SIGINT or SIGTERM. Blocks; uses the calling thread, and one more
/// each while it syncs and while it runs the command.
/// Returns the exit code of docs/cli.md, 0 after a signal; a failure is told as any other command's.
int run_subscribe(const subscribe_options& options);

}  // namespace graphite
