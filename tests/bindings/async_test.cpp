#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <random>
#include <set>

#include "bindings/c/graphite.hpp"
#include "tests/bindings/forked.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

class c_async : public testing::TestWithParam<graphite_io_adapter> {
 protected:
  void SetUp() override {
    std::mt19937 random(2);
    for (auto& one : content_) one = static_cast<char>(random());
    folder_.write("content", content_);
    file_ = file(path_, GRAPHITE_FILE_READ | GRAPHITE_FILE_WRITE);
    graphite_async_io_config_init(&config_);
    config_.adapter = GetParam();
  }

  test::temporary_folder folder_;
  std::string path_ = folder_.path() + "/content", content_ = std::string(200'000, 'x');
  file file_;
  graphite_async_io_config config_;
};

TEST_P(c_async, calls_back_with_what_was_read) {
  async_io_context io(config_);
  EXPECT_STREQ(io.adapter(), GetParam() == GRAPHITE_IO_URING ? "io_uring" : "threads");
  std::vector<std::string> into(100, std::string(1000, ' '));
  std::atomic<int> right = 0;
  for (std::size_t i = 0; i < into.size(); ++i)
    io.read(file_.get(), into[i].data(), into[i].size(), i * 1999,
            [&, i](const graphite_io_completion& ended) {
              if (ended.result == GRAPHITE_SUCCESS && ended.bytes == 1000 &&
                  content_.compare(i * 1999, 1000, into[i]) == 0)
                ++right;
            });
  io.drain();
  EXPECT_EQ(right, 100);
  EXPECT_EQ(io.active(), 0u);
}

TEST_P(c_async, writes_syncs_and_reads_to_the_end) {
  async_io_context io(config_);
  const std::string text = "written";
  std::atomic<int> ended = 0;
  io.write(file_.get(), text.data(), text.size(), content_.size() - 2,
           [&](const graphite_io_completion& one) {
             EXPECT_EQ(one.result, GRAPHITE_SUCCESS);
             EXPECT_EQ(one.bytes, text.size());
             ++ended;
           });
  io.drain();
  io.sync(file_.get(), [&](const graphite_io_completion& one) { ended += one.result == GRAPHITE_SUCCESS; });
  std::string back(100, ' ');
  io.read(file_.get(), back.data(), back.size(), content_.size() - 2, [&](const graphite_io_completion& one) {
    EXPECT_EQ(one.bytes, text.size());
    ++ended;
  });
  io.drain();
  EXPECT_EQ(ended, 3);
  EXPECT_EQ(back.substr(0, text.size()), text);
}

TEST_P(c_async, refuses_what_cannot_be_and_calls_nobody) {
  graphite_async_io_context io;
  config_.queue_depth = 0;
  EXPECT_EQ(graphite_async_io_init(&io, &config_), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(io.handle, nullptr);
  graphite_async_io_config_init(&config_);
  config_.size = 4;
  EXPECT_EQ(graphite_async_io_init(&io, &config_), GRAPHITE_ERROR_INVALID_ARGUMENT);
  graphite_async_io_config_init(&config_);
  config_.adapter = GetParam();
  ASSERT_EQ(graphite_async_io_init(&io, &config_), GRAPHITE_SUCCESS) << graphite_last_error();
  const auto never = [](const graphite_io_completion*, void*) { FAIL(); };
  char byte = 0;
  std::uint64_t token = 9;
  const file read_only(path_), closed;
  EXPECT_EQ(graphite_async_io_read(&io, &closed.get(), &byte, 1, 0, never, nullptr, &token),
            GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(token, 0u);
  EXPECT_EQ(graphite_async_io_read(&io, &file_.get(), nullptr, 1, 0, never, nullptr, nullptr),
            GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(graphite_async_io_read(&io, &file_.get(), &byte, 1, UINT64_MAX, never, nullptr, nullptr),
            GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(graphite_async_io_read(&io, &file_.get(), &byte, 1, 0, nullptr, nullptr, nullptr),
            GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(graphite_async_io_write(&io, &read_only.get(), &byte, 1, 0, never, nullptr, nullptr),
            GRAPHITE_ERROR_PERMISSION_DENIED);
  EXPECT_EQ(graphite_async_io_read(nullptr, &file_.get(), &byte, 1, 0, never, nullptr, nullptr),
            GRAPHITE_ERROR_INVALID_ARGUMENT);
  graphite_async_io_cancel(&io, 77);
  graphite_async_io_destroy(&io);
  graphite_async_io_destroy(&io);
  graphite_async_io_destroy(nullptr);
}

TEST_P(c_async, a_child_of_fork_needs_its_own) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the thread sanitizer lets no child of a process with threads start some";
#endif
  async_io_context io(config_);
  char byte = 0;
  test::forked child([&] {
    const auto never = [](const graphite_io_completion*, void*) {};
    graphite_async_io_context own;
    if (graphite_async_io_init(&own, &config_) != GRAPHITE_SUCCESS) return 2;
    std::promise<void> done;
    const auto set = [](const graphite_io_completion*, void* data) {
      static_cast<std::promise<void>*>(data)->set_value();
    };
    if (graphite_async_io_read(&own, &file_.get(), &byte, 1, 0, set, &done, nullptr) != GRAPHITE_SUCCESS)
      return 3;
    done.get_future().wait();
    graphite_async_io_destroy(&own);
    graphite_async_io_context parents;
    std::memcpy(&parents, &io, sizeof parents);
    if (graphite_async_io_read(&parents, &file_.get(), &byte, 1, 0, never, nullptr, nullptr) !=
        GRAPHITE_ERROR_CANCELLED)
      return 4;
    graphite_async_io_destroy(&parents);
    return 0;
  });
  EXPECT_EQ(child.status(), 0);
}

INSTANTIATE_TEST_SUITE_P(every, c_async, testing::Values(GRAPHITE_IO_URING, GRAPHITE_IO_THREADS),
                         [](const auto& info) {
                           return std::string(info.param == GRAPHITE_IO_URING ? "io_uring" : "threads");
                         });

TEST(c_uring, gives_requests_back_with_their_bytes) {
  test::temporary_folder folder;
  const auto path = folder.path() + "/content";
  folder.write("content", "0123456789");
  graphite_uring_context ring;
  if (graphite_uring_init(&ring, 4) != GRAPHITE_SUCCESS) GTEST_SKIP() << graphite_last_error();
  EXPECT_EQ(ring.queue_depth, 4u);
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  char into[5][4] = {};
  int requests[5] = {};
  const auto as_request = [](int& one) { return reinterpret_cast<const graphite_stream_request*>(&one); };
  for (int i = 0; i < 4; ++i)
    ASSERT_EQ(graphite_uring_read_async(&ring, as_request(requests[i]), fd, into[i], 4, 2 * i),
              GRAPHITE_SUCCESS);
  EXPECT_EQ(graphite_uring_read_async(&ring, as_request(requests[4]), fd, into[4], 4, 0),
            GRAPHITE_ERROR_BUSY);
  EXPECT_EQ(graphite_uring_active(&ring), 4u);
  std::set<const graphite_stream_request*> seen;
  graphite_uring_completion ended[3];
  while (seen.size() < 4) {
    std::size_t count = 0;
    ASSERT_EQ(graphite_uring_wait(&ring, ended, 3, 1, 60'000'000'000, &count), GRAPHITE_SUCCESS);
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(ended[i].result, GRAPHITE_SUCCESS);
      EXPECT_EQ(ended[i].bytes, 4u);
      EXPECT_TRUE(seen.insert(ended[i].request).second);
    }
  }
  EXPECT_EQ(std::string(into[3], 4), "6789");
  EXPECT_EQ(graphite_uring_active(&ring), 0u);
  std::size_t count = 9;
  EXPECT_EQ(graphite_uring_wait(&ring, ended, 3, 1, UINT64_MAX, &count), GRAPHITE_SUCCESS);
  EXPECT_EQ(count, 0u);
  EXPECT_EQ(graphite_uring_read_async(&ring, nullptr, fd, into[0], 4, -1), GRAPHITE_ERROR_INVALID_ARGUMENT);
  ASSERT_EQ(graphite_uring_read_async(&ring, nullptr, -1, into[0], 4, 0), GRAPHITE_ERROR_INVALID_ARGUMENT);
  ASSERT_EQ(graphite_uring_read_async(&ring, nullptr, fd, into[0], 4, 0), GRAPHITE_SUCCESS);
  graphite_uring_destroy(&ring);
  graphite_uring_destroy(&ring);
  EXPECT_EQ(graphite_uring_init(&ring, 0), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(graphite_uring_init(&ring, 5000), GRAPHITE_ERROR_INVALID_ARGUMENT);
  ::close(fd);
}

}  // namespace
}  // namespace graphite
