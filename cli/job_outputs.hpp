#pragma once

#include <functional>
#include <string>

#include "cli/job_session.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/hasher.hpp"
#include "core/ports/log.hpp"

namespace graphite {

struct outputs_summary {
  std::uint64_t files = 0, bytes = 0;
};

/// What fetches outputs.
struct outputs_ports {
  job_session& session;  ///< that and what follows outlives the call
  const hasher& hash;
  const clock_source& clock;
  log_sink& log;
  std::function<void(std::size_t done, std::size_t all)> progress = [](auto, auto) {};  ///< files
  std::uint64_t batch_bytes_max = 256 * MiB;  ///< that lie in both places at once, where no file is larger
};

/// Fetches what a job has made from the stores and makes `folder` of it: all of it, or nothing. A part of an
/// asset follows the one before. Beside it lies FOLDER.partial-PID meanwhile. Blocks. Errors: busy (the job
/// is not over), action_failed (it has not ended well), unavailable (the stores have not got all of it any
/// more), those of check_new_folder(), of the session, of the stores and of the disk.
result<outputs_summary> fetch_outputs(const job_info& job, const std::string& folder,
                                      const outputs_ports& with);

}  // namespace graphite
