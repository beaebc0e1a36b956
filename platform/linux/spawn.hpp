#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>

#include "core/error.hpp"
#include "platform/linux/owned_fd.hpp"

namespace graphite {

/// All that a child needs; everything is made ready by the parent, because between vfork and exec the
/// child may only make system calls.
struct spawn_request {
  const char* program = nullptr;  ///< absolute
  char* const* argv = nullptr;
  char* const* environment = nullptr;
  const char* working_folder = nullptr;
  int in = -1, out = -1, err = -1;  ///< descriptors, all ≥ 3
  int nice = 0;
  std::uint64_t memory_bytes_max = 0;  ///< zero: no limit
  std::uint64_t file_bytes_max = 0;    ///< zero: no limit
  const int* others = nullptr;  ///< `others_count` descriptors ≥ 3 + others_count: it has them as 3, 4 …
  int others_count = 0;
  std::atomic<pid_t>* group_slot = nullptr;  ///< where the child notes its group, in shared memory
};

struct spawned_process {
  pid_t pid = -1;   ///< its group, too
  owned_fd handle;  ///< pidfd: readable when it has ended
};

/// Starts a process in a group of its own; it shares the caller's memory until it execs, so the cost does
/// not grow with the caller. The kernel kills it when the calling thread ends.
/// Errors: not_found, permission_denied, invalid_argument (no program format), io; the context names the
/// step.
result<spawned_process> spawn(const spawn_request& request);

}  // namespace graphite
