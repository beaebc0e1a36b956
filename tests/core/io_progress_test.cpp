#include "core/io_progress.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <vector>

namespace graphite {
namespace {

using step = io_progress::step;

io_progress begun(io_operation what, std::size_t bytes) {
  static std::vector<std::byte> memory(1000);
  return io_progress(
      {.what = what, .file = {3}, .offset = 0, .bytes = std::span(memory).first(bytes), .token = 7});
}

TEST(io_progress, goes_on_until_all_is_there) {
  auto read = begun(io_operation::read, 100);
  EXPECT_EQ(read.take(60), step::again);
  EXPECT_EQ(read.done(), 60u);
  EXPECT_EQ(read.take(-EINTR), step::again);
  EXPECT_EQ(read.take(40), step::finished);
  EXPECT_EQ(read.completion().token, 7u);
  EXPECT_EQ(read.completion().bytes, 100u);
  EXPECT_FALSE(read.completion().failed);
}

TEST(io_progress, a_read_is_short_where_the_file_ends_and_a_write_never) {
  auto read = begun(io_operation::read, 100);
  EXPECT_EQ(read.take(60), step::again);
  EXPECT_EQ(read.take(0), step::finished);
  EXPECT_EQ(read.completion().bytes, 60u);
  EXPECT_FALSE(read.completion().failed);
  auto write = begun(io_operation::write, 100);
  EXPECT_EQ(write.take(0), step::finished);
  EXPECT_EQ(write.completion().failed, errc::io);
}

TEST(io_progress, failures_keep_what_was_done_and_say_what_to_do) {
  const std::pair<int, errc> cases[] = {{EIO, errc::io},
                                        {ENOSPC, errc::out_of_space},
                                        {EDQUOT, errc::out_of_space},
                                        {ECANCELED, errc::cancelled},
                                        {EACCES, errc::permission_denied},
                                        {EBADF, errc::io}};
  for (const auto& [system, code] : cases) {
    auto write = begun(io_operation::write, 100);
    EXPECT_EQ(write.take(10), step::again);
    EXPECT_EQ(write.take(-system), step::finished);
    EXPECT_EQ(write.completion().failed, code) << system;
    EXPECT_EQ(write.completion().system_error, system);
    EXPECT_EQ(write.completion().bytes, 10u);
  }
}

TEST(io_progress, interruptions_without_end_fail) {
  auto read = begun(io_operation::read, 100);
  for (unsigned i = 0; i < io_progress::interruptions_max; ++i) ASSERT_EQ(read.take(-EAGAIN), step::again);
  EXPECT_EQ(read.take(-EAGAIN), step::finished);
  EXPECT_TRUE(read.completion().failed);
}

TEST(io_progress, the_rest_of_a_direct_reads_last_block_is_looked_for) {
  auto ends = begun(io_operation::read, 100);
  EXPECT_EQ(ends.take(10), step::again);
  EXPECT_EQ(ends.take(-EINVAL), step::look);
  ends.looked(true);
  EXPECT_FALSE(ends.completion().failed);
  EXPECT_EQ(ends.completion().bytes, 10u);
  auto goes_on = begun(io_operation::read, 100);
  goes_on.take(10);
  goes_on.take(-EINVAL);
  goes_on.looked(false);
  EXPECT_TRUE(goes_on.completion().failed);
  EXPECT_EQ(begun(io_operation::read, 100).take(-EINVAL), step::finished);
}

TEST(io_progress, more_than_was_asked_for_is_an_error_of_the_system) {
  auto read = begun(io_operation::read, 100);
  EXPECT_EQ(read.take(101), step::finished);
  EXPECT_EQ(read.completion().failed, errc::io);
}

TEST(io_progress, a_sync_moves_nothing) {
  auto sync = begun(io_operation::sync, 0);
  EXPECT_EQ(sync.take(0), step::finished);
  EXPECT_FALSE(sync.completion().failed);
  auto failed = begun(io_operation::sync, 0);
  EXPECT_EQ(failed.take(-EIO), step::finished);
  EXPECT_EQ(failed.completion().failed, errc::io);
}

}  // namespace
}  // namespace graphite
