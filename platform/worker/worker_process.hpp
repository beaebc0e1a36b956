#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>

#include "core/units.hpp"
#include "platform/worker/frames.hpp"
#include "platform/worker/shared_window.hpp"

namespace graphite {

/// A worker, seen from the pool: its socket, its memory, the process. One thread at a time. Ends with it.
class worker_process {
 public:
  /// What the server needs to start one.
  struct prepared {
    std::unique_ptr<worker_process> made;
    owned_fd socket, inbox;  ///< the worker's ends
    owned_fd status;         ///< the server's end
    int outbox = -1;         ///< owned by `made`
  };
  static result<prepared> prepare();
  ~worker_process();

  /// `place`: what is the worker's while it lives; may be null.
  void started(pid_t pid, owned_fd handle, std::shared_ptr<const void> place);
  int socket() const { return socket_.get(); }
  /// Readable, by read_status(), once the process has been waited for.
  int status_descriptor() const { return status_.get(); }
  /// Readable after wake(), from any thread, until forget_wake().
  int wake_descriptor() const { return wake_.get(); }
  void wake() const;
  void forget_wake() const;
  pid_t pid() const { return pid_; }

  /// Memory of the inbox that the worker can read. Errors: too_large, out_of_space, io.
  struct placed {
    std::span<std::byte> bytes;
    std::uint64_t offset = 0;
  };
  result<placed> place(std::uint64_t bytes);
  /// What the worker names of its outbox; it may still change. Errors: corrupt (out of range).
  result<byte_span> in_outbox(std::uint64_t offset, std::uint64_t size) const;

  /// Errors: unavailable (it has ended), io.
  result<void> limit_memory(std::uint64_t bytes);
  duration processor_time() const;
  void kill() const;
  /// Whether the process itself has ended.
  bool is_dead() const;
  /// One at rest has nothing to say but that it has ended.
  bool has_ended() const;
  /// A task is done: forgets what was placed, and gives back memory beyond `kept_bytes`. False where that
  /// failed.
  bool rest(std::uint64_t kept_bytes);
  std::uint32_t tasks_done() const { return tasks_done_; }

 private:
  worker_process() = default;

  owned_fd socket_, status_, wake_, handle_;
  shared_window inbox_, outbox_;
  pid_t pid_ = -1;
  std::shared_ptr<const void> place_;
  std::uint64_t placed_ = 0, memory_bytes_max_ = 0;
  std::uint32_t tasks_done_ = 0;
};

}  // namespace graphite
