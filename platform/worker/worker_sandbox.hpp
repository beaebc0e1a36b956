#pragma once

#include <cstdint>

#include "core/error.hpp"

namespace graphite {

/// Whether a sanitizer watches this build: it reads files and needs address space.
bool sanitized_build();

/// Shuts the calling process in, with all threads that it has, for good: no new descriptors, no files,
/// sockets, processes or threads, no executable memory, no core files; only memory, the descriptors that are
/// open, and its end. What else is asked of the kernel fails with EPERM. Call it before any byte of an input
/// is looked at. Errors: unsupported (this kernel or container allows no filter, or not for all threads), io.
result<void> enter_worker_sandbox();

/// From now on the process can have this much private memory; zero: no bound but that which was set from
/// outside. Has no effect in builds with a sanitizer, whose shadow memory would count.
/// Errors: unavailable (there is no such process), io.
result<void> limit_worker_memory(int process, std::uint64_t bytes);

}  // namespace graphite
