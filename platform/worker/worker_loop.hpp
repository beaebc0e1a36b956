#pragma once

#include <cstdint>
#include <vector>

#include "core/units.hpp"
#include "platform/linux/owned_fd.hpp"
#include "platform/worker/frames.hpp"
#include "platform/worker/worker_server.hpp"

namespace graphite {

/// Addresses that the two windows of a worker take; memory only where something is.
inline constexpr std::uint64_t inbox_bytes = 4 * GiB, outbox_bytes = 2 * GiB + 64 * MiB;

/// Exit codes of a worker that could not do its work.
struct worker_exit {
  static constexpr int no_descriptors = 71, no_sandbox = 72, broken = 73;
};

/// A worker's life, in the process that was forked for it: shuts itself in, does one task after the other,
/// ends when the pool lets go of it. `descriptors`: socket, inbox, outbox. `start`: the frame that asked for
/// it; it gets as many threads as the system gives.
[[noreturn]] void run_worker(std::vector<owned_fd> descriptors, const worker_frame& start,
                             const worker_function& work);

}  // namespace graphite
