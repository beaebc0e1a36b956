#pragma once

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <deque>
#include <functional>

#include "core/io_progress.hpp"

namespace graphite {

/// Asynchronous I/O without a system behind it: operations are done when they are waited for, last come first
/// served, as nobody may count on their order. `answers` makes the system's answers of its choice.
class manual_io final : public async_io {
 public:
  using answer_filter = std::function<std::int64_t(const io_request&, std::size_t done, std::int64_t answer)>;
  explicit manual_io(std::size_t depth = 128, answer_filter answers = {})
      : depth_(depth), answers_(std::move(answers)) {}

  result<std::size_t> submit(std::span<const io_request> batch) override {
    for (const auto& one : batch)
      if (one.file.native < 0 || one.bytes.size() > io_bytes_max)
        return fail(errc::invalid_argument, "no such operation");
    std::size_t taken = 0;
    for (; taken < batch.size() && waiting_.size() < depth_; ++taken)
      waiting_.push_back({batch[taken], false});
    return taken;
  }

  result<std::size_t> wait(std::span<io_completion> out, std::size_t, std::chrono::nanoseconds) override {
    std::size_t have = 0;
    if (woken_.exchange(false)) return have;
    for (; have < out.size() && !waiting_.empty(); waiting_.pop_back()) out[have++] = end(waiting_.back());
    return have;
  }

  result<void> cancel(std::uint64_t token) override {
    const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                    [&](const entry& one) { return one.request.token == token; });
    if (found == waiting_.end()) return fail(errc::not_found, "nothing under way has that token");
    found->cancelled = true;
    return {};
  }

  result<void> announce(std::span<const std::span<std::byte>>, std::span<const io_file>) override {
    if (!waiting_.empty()) return fail(errc::busy, "operations are under way");
    return {};
  }

  void wake() override { woken_ = true; }

  async_io_facts facts() const override {
    return {.name = "manual",
            .reason = "a test",
            .depth_max = depth_,
            .fixed_buffers = false,
            .fixed_files = false};
  }

 private:
  struct entry {
    io_request request;
    bool cancelled;
  };

  io_completion end(const entry& one) const {
    io_progress progress(one.request);
    if (one.cancelled) return progress.cancel(), progress.completion();
    auto next = io_progress::step::again;
    while (next == io_progress::step::again) next = progress.take(ask(one.request, progress.done()));
    if (next == io_progress::step::look)
      progress.looked(::lseek(static_cast<int>(one.request.file.native), 0, SEEK_END) <=
                      static_cast<::off_t>(one.request.offset + progress.done()));
    return progress.completion();
  }

  std::int64_t ask(const io_request& request, std::size_t done) const {
    const int file = static_cast<int>(request.file.native);
    const auto rest = request.bytes.subspan(std::min(done, request.bytes.size()));
    const auto at = static_cast<::off_t>(request.offset + done);
    std::int64_t answer = request.what == io_operation::sync   ? ::fsync(file)
                          : request.what == io_operation::read ? ::pread(file, rest.data(), rest.size(), at)
                                                               : ::pwrite(file, rest.data(), rest.size(), at);
    if (answer < 0) answer = -errno;
    return answers_ ? answers_(request, done, answer) : answer;
  }

  std::size_t depth_;
  std::atomic<bool> woken_{false};
  answer_filter answers_;
  std::deque<entry> waiting_;
};

}  // namespace graphite
