#pragma once

#include "core/error.hpp"
#include "core/sandbox.hpp"
#include "platform/linux/owned_fd.hpp"

namespace graphite {

struct call_filter_options {
  sandbox_tier tier = sandbox_tier::namespaces;
  bool tells_reads = false;  ///< calls that name a path wait for whoever listens
};

/// The program of a system call filter, in a file of memory, as graphite-sandbox takes it.
///
/// It denies what a build tool never does, and what a sandbox has a hole by: mounts, namespaces, keys, other
/// processes' descriptors, io_uring (which makes sockets behind a filter's back), tracing of the kernel, and
/// characters put into a terminal. Sockets: none but unix ones; in `landlock` none at all but pairs, because
/// no rule keeps a unix socket from one of the machine's. Programs for another instruction set than this one
/// (32-bit ones) are killed with their first call. Errors: unsupported (libseccomp or the kernel does not
/// know it), io.
result<owned_fd> make_call_filter(const call_filter_options& options);

}  // namespace graphite
