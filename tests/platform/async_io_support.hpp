#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "platform/linux/io_checks.hpp"
#include "platform/linux/open_async_io.hpp"
#include "platform/linux/owned_fd.hpp"
#include "platform/linux/pooled_io.hpp"
#include "platform/linux/thread_pool.hpp"
#include "platform/linux/uring_io.hpp"
#include "tests/support/manual_io.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {

/// Makes one of the adapters, or the fake; null where this machine has it not.
struct io_maker {
  std::string name;
  std::function<std::unique_ptr<async_io>(std::size_t depth, io_answer_filter answers, thread_pool& pool)>
      make;
};

inline std::unique_ptr<async_io> ring_or_null(uring_options options) {
  auto made = uring_io::make(std::move(options));
  return made ? std::unique_ptr<async_io>(std::move(*made)) : nullptr;
}

/// Names the adapter that is the best in a process that is shut in.
inline constexpr const char* expected_adapter = "GRAPHITE_TEST_EXPECTED_ADAPTER";

inline std::unique_ptr<async_io> opened(std::size_t depth, io_answer_filter answers, thread_pool& pool,
                                        const char* expected) {
  auto made = open_async_io(pool, {.depth = depth, .answers = std::move(answers)});
  EXPECT_TRUE(made) << made.error().context;
  if (!made) return nullptr;
  if (expected != nullptr) {
    EXPECT_EQ((*made)->facts().name, expected) << (*made)->facts().reason;
  }
  return std::move(*made);
}

/// No file can be opened meanwhile.
class no_more_files {
 public:
  no_more_files() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const owned_fd next(::dup(0));
    const ::rlimit few{static_cast<::rlim_t>(next.get()), before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &few);
  }
  no_more_files(const no_more_files&) = delete;
  no_more_files& operator=(const no_more_files&) = delete;
  ~no_more_files() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  ::rlimit before_{};
};

inline std::vector<io_maker> io_makers() {
  return {{"best",
           [](std::size_t depth, io_answer_filter answers, thread_pool& pool) {
             return opened(depth, std::move(answers), pool, std::getenv(expected_adapter));
           }},
          {"best_without_files",
           [](std::size_t depth, io_answer_filter answers, thread_pool& pool) {
             const no_more_files meanwhile;
             return opened(depth, std::move(answers), pool, "threads");
           }},
          {"io_uring",
           [](std::size_t depth, io_answer_filter answers, thread_pool&) {
             return ring_or_null({.depth = depth, .plain = false, .answers = std::move(answers)});
           }},
          {"io_uring_plain",
           [](std::size_t depth, io_answer_filter answers, thread_pool&) {
             return ring_or_null({.depth = depth, .plain = true, .answers = std::move(answers)});
           }},
          {"threads",
           [](std::size_t depth, io_answer_filter answers, thread_pool& pool) {
             return std::unique_ptr<async_io>(std::make_unique<pooled_io>(
                 pool, pooled_io_options{.depth = depth, .reason = "", .answers = std::move(answers)}));
           }},
          {"manual", [](std::size_t depth, io_answer_filter answers, thread_pool&) {
             return std::unique_ptr<async_io>(std::make_unique<manual_io>(depth, std::move(answers)));
           }}};
}

/// One of the adapters, and a file of random bytes.
class async_io_contract : public testing::TestWithParam<io_maker> {
 protected:
  static constexpr std::size_t file_bytes = 1'000'003;

  void SetUp() override {
    std::mt19937_64 random(7);
    content_.resize(file_bytes);
    for (auto& byte : content_) byte = static_cast<std::byte>(random());
    file_ = open("content", O_RDWR | O_CREAT);
    ASSERT_EQ(::pwrite(file_.get(), content_.data(), content_.size(), 0), static_cast<::ssize_t>(file_bytes));
    io_ = make(16);
    if (!io_) GTEST_SKIP() << GetParam().name << " is not to be had here";
  }

  std::unique_ptr<async_io> make(std::size_t depth, io_answer_filter answers = {}) {
    return GetParam().make(depth, std::move(answers), *pool_);
  }
  owned_fd open(const std::string& name, int flags) {
    return owned_fd(::open((folder_.path() + "/" + name).c_str(), flags | O_CLOEXEC, 0644));
  }
  static io_file as_file(const owned_fd& fd) { return {fd.get()}; }

  /// Does one operation to its end.
  static io_completion run(async_io& io, const io_request& request) {
    EXPECT_EQ(io.submit({&request, 1}).value_or(99), 1u);
    io_completion out;
    EXPECT_EQ(io.wait({&out, 1}, 1, std::chrono::seconds(60)).value_or(99), 1u);
    EXPECT_EQ(out.token, request.token);
    return out;
  }
  static io_request read_of(const owned_fd& fd, std::uint64_t offset, std::span<std::byte> into,
                            std::uint64_t token = 1) {
    return {.what = io_operation::read, .file = as_file(fd), .offset = offset, .bytes = into, .token = token};
  }
  static io_request write_of(const owned_fd& fd, std::uint64_t offset, std::span<std::byte> from,
                             std::uint64_t token = 1) {
    return {
        .what = io_operation::write, .file = as_file(fd), .offset = offset, .bytes = from, .token = token};
  }
  /// Buffers are announced, or too little may be locked for that: then all works as before.
  static bool took(const result<void>& announced) {
    ::rlimit locked{};
    ::getrlimit(RLIMIT_MEMLOCK, &locked);
    return announced || (announced.error().code == errc::too_large && locked.rlim_cur < 256 * 1024);
  }
  bool holds(std::span<const std::byte> got, std::size_t offset) const {
    return std::equal(got.begin(), got.end(), content_.begin() + static_cast<std::ptrdiff_t>(offset));
  }

  test::temporary_folder folder_;
  std::vector<std::byte> content_;
  owned_fd file_;
  std::unique_ptr<pinned_pool> pool_ = *pinned_pool::make({.threads = 2});
  std::unique_ptr<async_io> io_;
};

}  // namespace graphite
