#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/error.hpp"

namespace graphite {

/// An open file of the system: a descriptor here, a handle elsewhere. Not owned.
struct io_file {
  std::intptr_t native = -1;
  friend bool operator==(io_file, io_file) = default;
};

enum class io_operation { read, write, sync };

/// One operation. The bytes are the caller's and stay where they are until it completes.
struct io_request {
  io_operation what = io_operation::read;
  io_file file{};
  std::uint64_t offset = 0;
  std::span<std::byte> bytes{};  ///< of sync: none. At most io_bytes_max
  std::uint64_t token = 0;  ///< the caller's, returned with the completion; cancel() finds one that has it
};
inline constexpr std::size_t io_bytes_max = std::size_t{1} << 30;

/// How an operation ended. A read is short only where the file ended; a write never.
struct io_completion {
  std::uint64_t token = 0;
  std::size_t bytes = 0;         ///< transferred, also where it failed half-way
  std::optional<errc> failed{};  ///< io, out_of_space, cancelled, permission_denied, …
  int system_error = 0;          ///< errno of the failure, for messages
};

struct async_io_facts {
  std::string name;           ///< "io_uring" or "threads"
  std::string reason;         ///< why this one and not a better one; empty for the best
  std::size_t depth_max = 0;  ///< operations under way at most
  bool fixed_buffers = false, fixed_files = false;
};

/// Reads and writes that do not wait. One thread: the first that submits or announces; wake() any.
///
/// Bound: `depth_max` operations under way; what comes beyond is not taken. Buffers and files that are used
/// again and again are announced once, which spares the system looking them up each time. The destructor
/// cancels what it can and waits for the rest: nothing writes into the caller's memory after it.
class async_io {
 public:
  virtual ~async_io() = default;
  /// Starts the first n of `batch`; n, fewer where the queue is full (0 is no error: wait() first). What the
  /// system refuses later fails in its completion. Errors: invalid_argument, busy (no room, and nothing under
  /// way whose end would make some); then nothing was started. One system call a batch at most.
  virtual result<std::size_t> submit(std::span<const io_request> batch) = 0;
  /// Fills `out` with completions: waits until at least `least` are there, `wait_max` has passed, nothing is
  /// under way or wake() was called; how many. In any order.
  virtual result<std::size_t> wait(std::span<io_completion> out, std::size_t least,
                                   std::chrono::nanoseconds wait_max) = 0;
  /// Asks to end the operation `token` early. It completes in any case: as cancelled, or as if nobody had
  /// asked. Errors: not_found (nothing under way has that token), busy (too many were asked for: wait()
  /// first).
  virtual result<void> cancel(std::uint64_t token) = 0;
  /// Announces the buffers and files that most requests are about; replaces those before. Nothing may be
  /// under way. They stay open and mapped until the next call or the end. Requests about others stay allowed.
  /// Errors: busy (something is under way), too_large (more than the system lets be locked in memory: works
  /// as before), invalid_argument.
  virtual result<void> announce(std::span<const std::span<std::byte>> buffers,
                                std::span<const io_file> files) = 0;
  /// Makes the wait() that goes on, or the next one, return early. Any thread.
  virtual void wake() = 0;
  virtual async_io_facts facts() const = 0;
};

}  // namespace graphite
