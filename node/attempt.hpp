#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "core/attempt.hpp"
#include "core/cancel_token.hpp"
#include "core/ports/chunk_store.hpp"
#include "core/ports/file_reader.hpp"
#include "core/ports/hasher.hpp"
#include "core/ports/process_runner.hpp"
#include "core/ports/process_transform.hpp"
#include "core/ports/scratch_space.hpp"
#include "core/ports/transform_workers.hpp"

namespace graphite {

struct attempt_options {
  std::uint64_t hold_bytes_max = 0;  ///< outputs up to this are held for a journal record (chunk_store::hold)
  std::size_t entries_max = 65'536;  ///< files in a scratch folder after a run
  std::uint64_t depfile_bytes_max = 8 * MiB;
  std::string view_folder = {};  ///< absolute, where `ports::view` reads; empty: not known
  int nice = 10;
  /// A command that failed in a sandbox sooner than this is run once more, to hear which files it asked for.
  milliseconds repeat_wall_max{10'000};
};

/// Executes attempts. A command gets a scratch folder of its own with nothing but the inputs; of what it
/// leaves the declared outputs are taken. A built-in transform is done by a worker (node/worker_attempt.hpp).
///
/// Thread-safe; run() blocks and belongs on pool threads. Touches disk and processes through its ports
/// only, which outlive it. Invariant: a result that says `succeeded` names outputs that are in the chunk
/// store, and were made from exactly the inputs' bytes of the spec.
class attempt_runner {
 public:
  struct ports {
    const file_reader& view;
    chunk_store& store;
    const hasher& hash;
    process_runner& processes;
    scratch_space& scratch;
    const process_transform& transform;
    transform_workers& workers;
  };

  attempt_runner(ports with, attempt_options options = {}) : ports_(with), options_(std::move(options)) {}

  /// Runs `spec` to its end; always has a result. Its outputs are durable only after the next
  /// chunk_store::sync(), but for those that were held. An attempt that outgrows a small scratch folder is
  /// run once more in a roomy one, as are all of its rule from then on.
  attempt_result run(const attempt_spec& spec, const cancel_token& cancel) const;

 private:
  /// `failed`, with what a repeated run asked for and was not shown.
  attempt_result explained(const attempt_spec& spec, const cancel_token& cancel, attempt_result failed) const;

  ports ports_;
  attempt_options options_;
  mutable std::mutex mutex_;
  mutable std::set<std::string> roomy_rules_;  ///< their attempts have outgrown a small folder
};

}  // namespace graphite
