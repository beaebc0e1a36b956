#pragma once

#include <deque>
#include <memory>

#include "core/ports/async_io.hpp"
#include "core/ports/thread_pool.hpp"
#include "platform/linux/io_checks.hpp"

namespace graphite {

struct pooled_io_options {
  std::size_t depth = 128;  ///< operations under way at most
  work_priority priority = work_priority::critical;
  std::string reason{};  ///< why not a better adapter, for facts()
  io_answer_filter answers{};
};

/// async_io by threads of a pool that call pread(), pwrite() and fsync(): what works everywhere. Operations
/// that the pool refuses are not taken, those that it drops when it stops complete as cancelled. What is
/// announced changes nothing. The pool outlives it.
class pooled_io final : public async_io {
 public:
  pooled_io(thread_pool& pool, pooled_io_options options);
  ~pooled_io() override;

  result<std::size_t> submit(std::span<const io_request> batch) override;
  result<std::size_t> wait(std::span<io_completion> out, std::size_t least,
                           std::chrono::nanoseconds wait_max) override;
  result<void> cancel(std::uint64_t token) override;
  result<void> announce(std::span<const std::span<std::byte>> buffers,
                        std::span<const io_file> files) override;
  void wake() override;
  async_io_facts facts() const override;

 private:
  struct shared;
  class operation;
  class job;

  std::size_t queue(std::span<const io_request> batch);
  bool count_job();
  std::size_t forget(const std::deque<std::shared_ptr<operation>>& some);

  thread_pool& pool_;
  pooled_io_options options_;
  std::shared_ptr<shared> shared_;
};

}  // namespace graphite
