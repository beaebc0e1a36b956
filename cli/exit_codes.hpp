#pragma once

#include "core/error.hpp"

namespace graphite {

/// How the program ends; documented in docs/cli.md, stable.
enum exit_code : int {
  exit_ok = 0,
  exit_failed = 1,       ///< the build or the work itself failed
  exit_usage = 2,        ///< usage, configuration, or a thing that does not exist
  exit_unavailable = 3,  ///< service or cluster not there, too slow or too busy
  exit_denied = 4,
  exit_corrupt = 5,  ///< data failed verification
};

/// The exit code for a failure.
exit_code exit_code_for(errc code);

}  // namespace graphite
