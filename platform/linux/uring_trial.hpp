#pragma once

#include "core/error.hpp"

struct io_uring;

namespace graphite {

/// What an error of io_uring_setup (or of making what a ring needs) means: `unsupported`, and what forbids
/// it.
error uring_refusal(int system_error);

/// Sees that a new ring can be used, not only set up: a seccomp filter may let some of io_uring's three calls
/// through and refuse others. Asks what the kernel can, and has it do nothing once; a ring that is still
/// `disabled` is only knocked at, since it belongs to the thread that enables it. Errors: unsupported, with
/// what forbids it.
result<void> try_uring(::io_uring& ring, unsigned features, bool disabled);

}  // namespace graphite
