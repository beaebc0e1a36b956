#include <atomic>
#include <set>
#include <thread>

#include "tests/platform/async_io_support.hpp"
#include "tests/support/small_mount.hpp"

namespace graphite {
namespace {

using std::chrono::seconds;

TEST_P(async_io_contract, reads_any_ranges_in_batches) {
  std::mt19937 random(1);
  constexpr std::size_t operations = 500, room = 5000;
  std::vector<std::vector<std::byte>> into(operations);
  std::vector<std::size_t> offsets(operations);
  std::size_t sent = 0, ended = 0;
  std::vector<io_request> batch;
  std::vector<io_completion> out(16);
  while (ended < operations) {
    batch.clear();
    for (std::size_t i = sent; i < operations && batch.size() < 1 + random() % 20; ++i) {
      into[i].resize(random() % room);
      offsets[i] = random() % (file_bytes - room);
      batch.push_back(read_of(file_, offsets[i], into[i], i));
    }
    const auto taken = io_->submit(batch);
    ASSERT_TRUE(taken);
    sent += *taken;
    const auto got = io_->wait(out, 1 + random() % 4, seconds(60));
    ASSERT_TRUE(got);
    for (std::size_t k = 0; k < *got; ++k, ++ended) {
      ASSERT_FALSE(out[k].failed);
      ASSERT_EQ(out[k].bytes, into[out[k].token].size());
      ASSERT_TRUE(holds(into[out[k].token], offsets[out[k].token]));
    }
  }
}

TEST_P(async_io_contract, writes_and_syncs) {
  const auto copy = open("copy", O_RDWR | O_CREAT);
  std::vector<std::byte> part(content_.begin(), content_.begin() + 100'001);
  EXPECT_EQ(run(*io_, write_of(copy, 3, part)).bytes, part.size());
  const auto synced = run(*io_, {.what = io_operation::sync, .file = as_file(copy), .token = 9});
  EXPECT_FALSE(synced.failed);
  std::vector<std::byte> back(part.size());
  ASSERT_EQ(::pread(copy.get(), back.data(), back.size(), 3), static_cast<::ssize_t>(back.size()));
  EXPECT_TRUE(back == part);
}

TEST_P(async_io_contract, reads_are_short_only_at_the_end) {
  std::vector<std::byte> into(1000);
  const auto cut = run(*io_, read_of(file_, file_bytes - 10, into));
  EXPECT_EQ(cut.bytes, 10u);
  EXPECT_FALSE(cut.failed);
  EXPECT_TRUE(holds(std::span(into).first(10), file_bytes - 10));
  EXPECT_EQ(run(*io_, read_of(file_, file_bytes, into)).bytes, 0u);
  EXPECT_EQ(run(*io_, read_of(file_, 10 * file_bytes, into)).bytes, 0u);
  EXPECT_EQ(run(*io_, read_of(file_, 0, std::span(into).first(0))).bytes, 0u);
}

TEST_P(async_io_contract, reaches_beyond_four_gigabytes) {
  const auto sparse = open("sparse", O_RDWR | O_CREAT);
  constexpr std::uint64_t far = (std::uint64_t{5} << 30) + 11;
  std::vector<std::byte> mark(content_.begin(), content_.begin() + 500), into(1000);
  EXPECT_EQ(run(*io_, write_of(sparse, far, mark)).bytes, mark.size());
  EXPECT_EQ(run(*io_, read_of(sparse, far - 500, into)).bytes, into.size());
  EXPECT_TRUE(std::all_of(into.begin(), into.begin() + 500, [](std::byte b) { return b == std::byte{0}; }));
  EXPECT_TRUE(std::equal(mark.begin(), mark.end(), into.begin() + 500));
}

TEST_P(async_io_contract, takes_no_more_than_its_depth) {
  EXPECT_EQ(io_->facts().depth_max, 16u);
  std::vector<std::byte> into(40 * 100);
  std::vector<io_request> batch;
  for (std::uint64_t i = 0; i < 40; ++i)
    batch.push_back(read_of(file_, i, std::span(into).subspan(i * 100, 100), i));
  EXPECT_EQ(io_->submit(batch).value_or(99), 16u);
  EXPECT_EQ(io_->submit(std::span(batch).subspan(16)).value_or(99), 0u);
  std::set<std::uint64_t> seen;
  std::vector<io_completion> out(5);
  while (seen.size() < 16)
    for (std::size_t k = 0, got = *io_->wait(out, 1, seconds(60)); k < got; ++k)
      EXPECT_TRUE(seen.insert(out[k].token).second);
  EXPECT_EQ(io_->submit(std::span(batch).subspan(16)).value_or(99), 16u);
  io_.reset();  // before the bytes go
}

TEST_P(async_io_contract, waits_for_nothing_where_nothing_is_under_way) {
  io_completion out;
  EXPECT_EQ(io_->wait({&out, 1}, 1, std::chrono::hours(1)).value_or(99), 0u);
  EXPECT_EQ(io_->wait({&out, 1}, 0, seconds(0)).value_or(99), 0u);
  EXPECT_EQ(io_->wait({}, 1, std::chrono::hours(1)).value_or(99), 0u);
}

/// Looked for without waiting, a completion comes in the end.
TEST_P(async_io_contract, can_be_polled) {
  std::vector<std::byte> into(100);
  const auto request = read_of(file_, 5, into);
  ASSERT_EQ(io_->submit({&request, 1}).value_or(99), 1u);
  io_completion out;
  const auto until = std::chrono::steady_clock::now() + seconds(60);
  std::size_t got = 0;
  while (got == 0 && std::chrono::steady_clock::now() < until) got = *io_->wait({&out, 1}, 0, seconds(0));
  EXPECT_EQ(got, 1u);
  EXPECT_TRUE(holds(into, 5));
}

/// However often and whenever it is called, nothing hangs and nothing is lost.
TEST_P(async_io_contract, can_be_woken_by_others) {
  std::atomic<bool> ended = false;
  std::thread others([&] {
    while (!ended) io_->wake(), std::this_thread::yield();
  });
  std::vector<std::byte> into(3000);
  for (std::size_t i = 0; i < 300; ++i) {
    const auto request = read_of(file_, i, into, i);
    EXPECT_EQ(io_->submit({&request, 1}).value_or(99), 1u);
    io_completion out;
    std::size_t got = 0;
    while (got == 0) got = io_->wait({&out, 1}, 1, std::chrono::hours(1)).value_or(99);
    EXPECT_EQ(got, 1u);
    EXPECT_TRUE(holds(into, i));
  }
  ended = true;
  others.join();
}

TEST_P(async_io_contract, refuses_what_is_no_operation) {
  std::vector<std::byte> into(100);
  const io_request no_file{.bytes = into};
  EXPECT_EQ(io_->submit({&no_file, 1}).error().code, errc::invalid_argument);
  const auto huge = read_of(file_, 0, {into.data(), io_bytes_max + 1});
  EXPECT_EQ(io_->submit({&huge, 1}).error().code, errc::invalid_argument);
  EXPECT_EQ(io_->cancel(77).error().code, errc::not_found);
}

TEST_P(async_io_contract, failures_are_of_their_operation_alone) {
  const auto read_only = open("content", O_RDONLY);
  std::vector<std::byte> bytes(10);
  EXPECT_TRUE(run(*io_, write_of(read_only, 0, bytes)).failed);
  // What no process has mapped at address 0 gives EIO.
  const owned_fd memory(::open("/proc/self/mem", O_RDONLY | O_CLOEXEC));
  const auto broken = run(*io_, read_of(memory, 0, bytes));
  EXPECT_EQ(broken.failed, errc::io);
  EXPECT_EQ(broken.system_error, EIO);
  EXPECT_FALSE(run(*io_, read_of(file_, 0, bytes)).failed);
}

TEST_P(async_io_contract, a_full_disk_says_how_much_was_written) {
  const test::small_mount disk(256 * 1024);
  if (!disk.mounted()) GTEST_SKIP() << "mounting a tmpfs is not permitted";
  const owned_fd file(::open((disk.path() + "/file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  std::vector<std::byte> bytes(content_.begin(), content_.begin() + 512 * 1024);
  const auto full = run(*io_, write_of(file, 0, bytes));
  EXPECT_EQ(full.failed, errc::out_of_space);
  EXPECT_LE(full.bytes, 256u * 1024);
  EXPECT_GT(full.bytes, 0u);
}

TEST_P(async_io_contract, direct_reads_end_where_the_file_does) {
  const auto direct = open("content", O_RDONLY | O_DIRECT);
  if (!direct) GTEST_SKIP() << "this file system has no direct reads";
  const std::unique_ptr<void, decltype(&::free)> place(std::aligned_alloc(4096, 65536), &::free);
  const std::span into(static_cast<std::byte*>(place.get()), 65536);
  const std::size_t offset = file_bytes / 4096 * 4096 - 4096;
  const auto end = run(*io_, read_of(direct, offset, into));
  EXPECT_FALSE(end.failed) << end.system_error;
  EXPECT_EQ(end.bytes, file_bytes - offset);
  EXPECT_TRUE(holds(into.first(end.bytes), offset));
}

/// Every operation completes once, cancelled or done, and those that are done are right.
TEST_P(async_io_contract, cancelling_loses_nothing) {
  std::vector<std::vector<std::byte>> into(400, std::vector<std::byte>(3000));
  std::vector<io_completion> out(16);
  std::set<std::uint64_t> seen;
  std::uint64_t sent = 0;
  while (seen.size() < into.size()) {
    while (sent < into.size()) {
      const auto request = read_of(file_, sent * 100, into[sent], sent);
      if (*io_->submit({&request, 1}) == 0) break;
      if (sent % 2 == 0) (void)io_->cancel(sent);
      ++sent;
    }
    for (std::size_t k = 0, got = *io_->wait(out, 1, seconds(60)); k < got; ++k) {
      ASSERT_TRUE(seen.insert(out[k].token).second);
      if (out[k].failed)
        ASSERT_EQ(*out[k].failed, errc::cancelled);
      else
        ASSERT_TRUE(holds(into[out[k].token], out[k].token * 100));
    }
  }
}

TEST_P(async_io_contract, announced_buffers_and_files_read_the_same) {
  std::vector<std::byte> first(64 * 1024), second(4096), strange(4096);
  const std::span<std::byte> buffers[] = {first, second};
  const auto other = open("content", O_RDONLY);
  const io_file files[] = {as_file(other), as_file(file_)};
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(took(io_->announce(buffers, files)));
    EXPECT_EQ(run(*io_, read_of(file_, 17, std::span(first).subspan(100, 5000))).bytes, 5000u);
    EXPECT_TRUE(holds(std::span(first).subspan(100, 5000), 17));
    EXPECT_EQ(run(*io_, read_of(other, 40'000, second)).bytes, second.size());
    EXPECT_TRUE(holds(second, 40'000));
    EXPECT_EQ(run(*io_, read_of(other, 50'000, strange)).bytes, strange.size());
    EXPECT_TRUE(holds(strange, 50'000));
    const auto copy = open("copy", O_RDWR | O_CREAT);
    EXPECT_EQ(run(*io_, write_of(copy, 0, second)).bytes, second.size());
    std::vector<std::byte> back(second.size());
    ASSERT_EQ(::pread(copy.get(), back.data(), back.size(), 0), static_cast<::ssize_t>(back.size()));
    EXPECT_TRUE(back == second);
  }
  EXPECT_TRUE(io_->announce({}, {}));
  EXPECT_EQ(run(*io_, read_of(file_, 1, first)).bytes, first.size());
}

TEST_P(async_io_contract, nothing_is_announced_while_something_is_under_way) {
  std::vector<std::byte> into(100);
  const auto request = read_of(file_, 0, into);
  ASSERT_TRUE(io_->submit({&request, 1}));
  EXPECT_EQ(io_->announce({}, {}).error().code, errc::busy);  // nobody has got its completion
  io_completion out;
  ASSERT_EQ(io_->wait({&out, 1}, 1, seconds(60)).value_or(99), 1u);
  EXPECT_TRUE(io_->announce({}, {}));
}

TEST_P(async_io_contract, tokens_are_the_callers) {
  std::vector<std::byte> into(200);
  const io_request same[] = {read_of(file_, 0, std::span(into).first(100), 5),
                             read_of(file_, 100, std::span(into).last(100), 5)};
  ASSERT_EQ(io_->submit(same).value_or(99), 2u);
  io_completion out[2];
  ASSERT_EQ(io_->wait(out, 2, seconds(60)).value_or(99), 2u);
  EXPECT_EQ(out[0].token, 5u);
  EXPECT_EQ(out[1].token, 5u);
  EXPECT_TRUE(holds(into, 0));
}

TEST_P(async_io_contract, what_is_under_way_ends_with_it) {
  std::vector<std::byte> into(16 * 4096);
  std::vector<io_request> batch;
  for (std::uint64_t i = 0; i < 16; ++i)
    batch.push_back(read_of(file_, i, std::span(into).subspan(i * 4096, 4096), i));
  ASSERT_TRUE(io_->submit(batch));
  io_.reset();
  const auto after = into;
  io_ = make(4);
  ASSERT_TRUE(io_);
  std::vector<std::byte> elsewhere(1000);
  EXPECT_EQ(run(*io_, read_of(file_, 0, elsewhere)).bytes, elsewhere.size());
  EXPECT_TRUE(into == after);
}

TEST_P(async_io_contract, a_sync_that_fails_says_so) {
  io_ = make(16, [](const io_request& request, std::size_t, std::int64_t answer) -> std::int64_t {
    return request.what == io_operation::sync ? -EIO : answer;
  });
  const auto synced = run(*io_, {.what = io_operation::sync, .file = as_file(file_), .token = 9});
  EXPECT_EQ(synced.failed, errc::io);
  EXPECT_EQ(synced.system_error, EIO);
}

/// The system moves half of what it is asked for, is interrupted, and has no time.
TEST_P(async_io_contract, short_and_interrupted_answers_are_asked_again) {
  int asked = 0;
  io_ = make(16, [&](const io_request& request, std::size_t, std::int64_t answer) -> std::int64_t {
    ++asked;
    if (asked % 5 == 0) return -EINTR;
    if (asked % 7 == 0) return -EAGAIN;
    return request.what == io_operation::read && answer > 1 ? answer / 2 : answer;
  });
  std::vector<std::byte> into(10'000);
  const auto done = run(*io_, read_of(file_, 100, into));
  EXPECT_EQ(done.bytes, into.size());
  EXPECT_TRUE(holds(into, 100));
  EXPECT_GT(asked, 10);
}

TEST_P(async_io_contract, a_failure_half_way_says_what_was_done) {
  for (const auto& [system, code] : {std::pair{EIO, errc::io}, std::pair{ENOSPC, errc::out_of_space}}) {
    io_ =
        make(16, [system = system](const io_request&, std::size_t done, std::int64_t answer) -> std::int64_t {
          return done == 0 ? answer / 2 : -system;
        });
    const auto copy = open("copy", O_RDWR | O_CREAT);
    std::vector<std::byte> bytes(1000);
    const auto failed = run(*io_, write_of(copy, 0, bytes));
    EXPECT_EQ(failed.failed, code);
    EXPECT_EQ(failed.bytes, 500u);
  }
}

INSTANTIATE_TEST_SUITE_P(every, async_io_contract, testing::ValuesIn(io_makers()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace graphite
