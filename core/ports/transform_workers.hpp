#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/cancel_token.hpp"
#include "core/digest.hpp"
#include "core/error.hpp"
#include "core/logical_path.hpp"
#include "core/path_template.hpp"
#include "core/project.hpp"
#include "core/units.hpp"

namespace graphite {

/// One use of a built-in transform.
struct worker_task {
  const built_in_spec& what;
  const logical_path& path;  ///< of the main input
  const std::vector<output_name>& outputs;
};

/// What a task reads and makes, on the side of who wants it done. Called on the thread of run().
class worker_exchange {
 public:
  /// Gives memory of this many bytes. Errors: too_large.
  using placing = std::function<result<std::span<std::byte>>(std::uint64_t bytes)>;

  virtual ~worker_exchange() = default;
  /// Fills the memory that `place` gives with a file's bytes. Errors: not_found: the task is told and may go
  /// on; every other ends the task, and is what run() returns.
  virtual result<void> load(const logical_path& path, const placing& place) = 0;
  /// One output. The worker can still write to the parts' memory: they are to be copied before they are
  /// looked at. Errors: end the task, and are what run() returns.
  virtual result<void> take(const logical_path& path, std::span<const byte_span> parts) = 0;
};

struct worker_outcome {
  /// The task did not succeed: what the transform says of its input, or action_failed: it crashed or went
  /// over a limit. Nothing was taken then.
  std::optional<error> failure;
  std::string warnings;  ///< of one that succeeded
  duration wall{}, cpu{};
  std::uint64_t memory_bytes_peak =
      0;  ///< of the worker so far, as it says, shared memory included; zero: unknown
};

/// Runs built-in transforms in processes of their own. Thread-safe.
class transform_workers {
 public:
  virtual ~transform_workers() = default;
  /// Blocks until the task has ended in whatever way. Errors: unavailable (no worker could be started, or one
  /// was killed from outside), busy (no process or descriptor is to be had), unsupported (the workers'
  /// program is of another build, or no system call filter is to be had), cancelled, too_large (inputs), and
  /// those of the exchange.
  virtual result<worker_outcome> run(const worker_task& task, worker_exchange& with,
                                     const cancel_token& cancel) = 0;
};

}  // namespace graphite
