#include "cli/line_queue.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <optional>
#include <thread>
#include <vector>

#include "platform/linux/owned_fd.hpp"
#include "tests/support/wait_until.hpp"

namespace graphite {
namespace {

/// A pipe whose reader reads when the test says so.
struct line_queues : testing::Test {
  line_queues() {
    ::signal(SIGPIPE, SIG_IGN);
    int ends[2] = {-1, -1};
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    reader.reset(ends[0]);
    writer.reset(ends[1]);
    ::fcntl(writer.get(), F_SETPIPE_SZ, 4096);
  }
  /// All until the end of the pipe, which is that of the queue.
  std::vector<std::string> read_all() {
    std::string text;
    std::vector<std::string> out;
    char bytes[4096];
    for (ssize_t count = 0; (count = ::read(reader.get(), bytes, sizeof bytes)) > 0;)
      text.append(bytes, static_cast<std::size_t>(count));
    for (std::size_t at = 0; at < text.size();) {
      const auto end = text.find('\n', at);
      out.push_back(text.substr(at, end - at));
      at = end + 1;
    }
    return out;
  }
  /// Counts what is pushed and what it is told of.
  void push(line_queue& to) {
    ++pushed;
    std::uint64_t before = 0;
    const bool taken = to.push([&](std::uint64_t dropped) {
      before = dropped;
      return std::string(100, 'x');
    });
    if (taken) told += before;
  }

  std::uint64_t pushed = 0, told = 0;
  owned_fd reader, writer;
};

TEST_F(line_queues, write_in_order) {
  {
    line_queue lines(writer.get());
    for (int i = 0; i < 20; ++i) lines.push([&](std::uint64_t) { return std::to_string(i); });
  }
  writer.reset();
  const auto all = read_all();
  ASSERT_EQ(all.size(), 20u);
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i], std::to_string(i));
}

TEST_F(line_queues, never_wait_for_who_does_not_read_and_say_how_many_they_dropped) {
  std::optional<line_queue> lines(std::in_place, writer.get(), line_queue_options{10'000, seconds(60)});
  // Until the pipe and the queue are full.
  for (int i = 0; i < 5'000; ++i) push(*lines);
  const auto told_so_far = told;
  std::vector<std::string> seen;
  std::thread reading([&] { seen = read_all(); });
  EXPECT_TRUE(test::wait_until([&] {
    push(*lines);
    return told > told_so_far;
  }));
  lines.reset();
  writer.reset();
  reading.join();
  EXPECT_GT(seen.size(), 90u) << "what fits waits";
  EXPECT_EQ(seen.size() + told, pushed) << "each is there or counted";
}

TEST_F(line_queues, take_a_line_that_is_longer_than_all_that_may_wait) {
  std::optional<line_queue> lines(std::in_place, writer.get(), line_queue_options{1'000, seconds(60)});
  lines->push([](std::uint64_t) { return std::string(100'000, 'y'); });
  std::vector<std::string> seen;
  std::thread reading([&] { seen = read_all(); });
  lines.reset();
  writer.reset();
  reading.join();
  EXPECT_EQ(seen, std::vector{std::string(100'000, 'y')});
}

TEST_F(line_queues, end_though_nobody_reads) {
  line_queue lines(writer.get(), {10'000, milliseconds(1)});
  for (int i = 0; i < 5'000; ++i) push(lines);
}

TEST_F(line_queues, end_with_a_reader_that_is_gone) {
  line_queue lines(writer.get(), {10'000, seconds(60)});
  reader.reset();
  for (int i = 0; i < 5'000; ++i) push(lines);
}

}  // namespace
}  // namespace graphite
