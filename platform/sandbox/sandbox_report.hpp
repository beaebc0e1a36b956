#pragma once

#include <sys/types.h>

#include <optional>
#include <string_view>

#include "core/error.hpp"

namespace graphite {

/// What graphite-sandbox tells through its status descriptor (platform/sandbox/cell/cell.hpp).
struct sandbox_report {
  pid_t first_process = 0;       ///< of the namespaces, as numbered outside; 0: none
  std::optional<error> failure;  ///< the tool did not start
};

/// Pure. Bytes that make no sense are no failure: the exit code tells of one.
sandbox_report read_sandbox_report(std::string_view bytes);

/// Waits until `first`, and with it all of its namespace, has ended; a moment where it was killed. Returns
/// after five seconds at the latest.
void await_namespace_end(pid_t first);

}  // namespace graphite
