#pragma once

#include <unistd.h>

#include <memory>
#include <optional>
#include <vector>

#include "core/io_progress.hpp"
#include "core/ports/async_io.hpp"
#include "platform/linux/hang_up.hpp"
#include "platform/linux/io_checks.hpp"
#include "platform/linux/owned_fd.hpp"

struct io_uring;
struct io_uring_sqe;
struct io_uring_cqe;

namespace graphite {

struct uring_options {
  std::size_t depth = 128;  ///< operations under way at most; 1 … 4096
  bool plain = false;       ///< none of the newer kernels' set-up flags, as on Linux 5.13
  io_answer_filter answers{};
};

/// async_io by io_uring. The thread that first submits or announces is the only one that may use it, the
/// destructor included where anything is under way. A child of fork() may only destroy it.
///
/// The ring is its own: operations take slots, the number of a slot and how often it was used go through the
/// kernel, and a completion that fits no slot's use is dropped. What the kernel did only in part is asked for
/// again, and what is announced travels as numbers (J. Axboe, "Efficient IO with io_uring", 2019).
///
/// A kernel that refuses its calls later on, because a seccomp filter was set in between: what it has not got
/// fails with permission_denied (or what the filter says). What it has under way goes on, and wait() fails
/// with the same where it cannot see it end; the destructor closes the ring, whereupon the kernel cancels
/// what it can, and waits until nothing is left, `closing_max` at most (a child of fork() that keeps the ring
/// open keeps its operations, too).
class uring_io final : public async_io {
 public:
  static constexpr std::size_t depth_max = 4096;
  static constexpr std::chrono::seconds closing_max{10};

  /// Errors: unsupported, with what forbids it: no kernel support, a sysctl, a seccomp filter (of any of
  /// io_uring's three calls), a limit. What is made can be used: that was tried.
  static result<std::unique_ptr<uring_io>> make(uring_options options);
  ~uring_io() override;

  result<std::size_t> submit(std::span<const io_request> batch) override;
  result<std::size_t> wait(std::span<io_completion> out, std::size_t least,
                           std::chrono::nanoseconds wait_max) override;
  result<void> cancel(std::uint64_t token) override;
  result<void> announce(std::span<const std::span<std::byte>> buffers,
                        std::span<const io_file> files) override;
  void wake() override;
  async_io_facts facts() const override;

 private:
  struct slot {
    io_request request{};
    io_progress progress{io_request{}};
    std::uint32_t use = 0;
    bool taken = false, cancelled = false;
  };
  struct known_buffer {
    std::byte* begin;
    std::byte* end;
    int number;
  };
  struct known_file {
    io_file file;
    int number;
  };

  explicit uring_io(uring_options options);
  result<void> open();
  result<void> begin();
  void listen();
  ::io_uring_sqe& next_entry();
  void prepare(std::size_t number);
  int number_of(std::span<const std::byte> bytes) const;
  int number_of(io_file file) const;
  void flush();
  void fail_unsent(int system_error);
  result<void> fetch(std::chrono::nanoseconds wait_max);
  std::optional<std::size_t> slot_of(std::uint64_t mark) const;
  void release(std::size_t number);
  bool is_of_this_process() const;
  result<void> check_process() const;
  bool end_all();
  std::size_t collect(std::span<io_completion> out);
  bool settle(const ::io_uring_cqe& answer, io_completion& out);
  bool ask_to_cancel(std::size_t number);
  int register_files(std::vector<int> numbers);
  result<void> announce_files(std::span<const io_file> files);
  result<void> announce_buffers(std::span<const std::span<std::byte>> buffers);

  uring_options options_;
  std::unique_ptr<::io_uring> ring_;
  bool open_ = false, disabled_ = false, begun_ = false;
  owned_fd wakes_;  ///< an event counter: a read of it is always in the ring
  std::uint64_t wakes_read_ = 0;
  bool woken_ = false, listening_ = false;
  bool refused_ = false;  ///< the kernel did not take something
  hang_up ends_;          ///< when the ring has gone
  std::vector<slot> slots_;
  std::vector<std::uint32_t> free_;
  std::vector<io_completion> failed_;  ///< of operations that the kernel would not take
  ::pid_t process_ = ::getpid();
  std::vector<known_buffer> buffers_;  ///< by address
  std::vector<known_file> files_;      ///< by descriptor
};

}  // namespace graphite
