#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "platform/linux/io_checks.hpp"
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

inline std::vector<io_maker> io_makers() {
  return {{"io_uring",
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
