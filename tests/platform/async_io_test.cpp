#include "platform/linux/open_async_io.hpp"

#include <sys/syscall.h>

#include <future>
#include <set>

#include "tests/platform/async_io_support.hpp"
#include "tests/support/manual_pool.hpp"
#include "tests/support/shut_in.hpp"

namespace graphite {
namespace {

using test::forbid;
using test::in_child;

bool forbid_rings(int error) { return forbid(SYS_io_uring_setup, error); }

/// Opens the best adapter here, reads with it, and sees that it is the threads', and says `why`.
bool falls_back(const std::string& why) {
  const auto pool = *pinned_pool::make({.threads = 1});
  const auto io = open_async_io(*pool);
  if (!io || (*io)->facts().name != "threads" || (*io)->facts().reason.find(why) == std::string::npos)
    return false;
  const owned_fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  std::array<std::byte, 4> into{};
  const io_request request{.file = {file.get()}, .bytes = into};
  io_completion out;
  return (*io)->submit({&request, 1}).value_or(0) == 1 &&
         (*io)->wait({&out, 1}, 1, std::chrono::seconds(60)).value_or(0) == 1 && out.bytes == 4 &&
         into[1] == std::byte{'E'} && into[2] == std::byte{'L'};
}

TEST(open_async_io, takes_threads_where_a_filter_forbids_rings) {
  EXPECT_TRUE(in_child([] { return forbid_rings(EPERM) && falls_back("forbidden"); }));
  EXPECT_TRUE(in_child([] { return forbid_rings(ENOSYS) && falls_back("kernel has none"); }));
  EXPECT_TRUE(in_child([] { return forbid_rings(ENOMEM) && falls_back("may be locked"); }));
}

/// A filter may let rings be made and nothing be done with them: that is found out in time, and not taken for
/// an old kernel.
TEST(open_async_io, takes_threads_where_a_filter_forbids_using_rings) {
  if (!uring_io::make({})) GTEST_SKIP() << "no io_uring here";
  for (const int error : {EPERM, EACCES, ENOSYS}) {
    EXPECT_TRUE(in_child([&] {
      return forbid(SYS_io_uring_enter, error) && falls_back("seccomp filter forbids it") &&
             falls_back("io_uring_enter") && !uring_io::make({.depth = 4, .plain = true});
    })) << error;
    EXPECT_TRUE(in_child([&] {
      return forbid(SYS_io_uring_register, error) && falls_back("seccomp filter forbids it") &&
             falls_back("io_uring_register");
    })) << error;
  }
}

/// As few files as are open already and one more, which the reader needs.
TEST(open_async_io, takes_threads_where_a_limit_forbids_rings) {
  EXPECT_TRUE(in_child([] {
    const owned_fd next(::dup(0));
    if (!test::limit_to(RLIMIT_NOFILE, static_cast<::rlim_t>(next.get()))) return false;
    const auto pool = *pinned_pool::make({.threads = 1});
    const auto io = open_async_io(*pool);
    return io && (*io)->facts().name == "threads" &&
           (*io)->facts().reason.find("ulimit -n") != std::string::npos;
  }));
}

/// Rings are locked memory to some kernels (since 6.14): root's are not counted.
TEST(open_async_io, takes_threads_where_no_memory_may_be_locked) {
  const auto shut_in = [] { return test::limit_to(RLIMIT_MEMLOCK, 0) && test::be_nobody(); };
  if (in_child([&] { return shut_in() && uring_io::make({}); }))
    GTEST_SKIP() << "this kernel does not count rings as locked memory: none is refused for it";
  if (!uring_io::make({})) GTEST_SKIP() << "no io_uring here";
  EXPECT_TRUE(in_child([&] { return shut_in() && falls_back("ulimit -l"); }));
}

TEST(open_async_io, refuses_what_was_asked_for_and_is_not_there) {
  EXPECT_TRUE(in_child([] {
    const auto pool = *pinned_pool::make({.threads = 1});
    const auto refused = forbid_rings(EPERM) ? open_async_io(*pool, {.adapter = io_adapter::uring})
                                             : fail(errc::io, "no filter");
    return !refused && refused.error().code == errc::unsupported;
  }));
  const auto pool = *pinned_pool::make({.threads = 1});
  EXPECT_EQ((*open_async_io(*pool, {.adapter = io_adapter::threads}))->facts().name, "threads");
  for (const auto adapter : {io_adapter::best, io_adapter::threads})
    EXPECT_EQ(open_async_io(*pool, {.adapter = adapter, .depth = 0}).error().code, errc::invalid_argument);
  EXPECT_EQ(parse_io_adapter("io_uring"), io_adapter::uring);
  EXPECT_EQ(parse_io_adapter("fast").error().code, errc::invalid_argument);
}

/// Where a user may lock little, announced buffers are refused and everything works as before.
TEST(uring_io, works_without_announced_buffers_where_little_may_be_locked) {
  if (!uring_io::make({})) GTEST_SKIP() << "no io_uring here";
  EXPECT_TRUE(in_child([] {
    const owned_fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));  // while it may be opened
    if (!test::limit_to(RLIMIT_MEMLOCK, 128 * 1024) || !test::be_nobody()) return false;
    const auto io = uring_io::make({.depth = 4});
    if (!io) return false;
    std::vector<std::byte> buffer(1 << 20);
    const std::span<std::byte> buffers[] = {buffer};
    const auto refused = (*io)->announce(buffers, {});
    if (refused || refused.error().code != errc::too_large) return false;
    const io_request request{.file = {file.get()}, .bytes = std::span(buffer).first(100)};
    io_completion out;
    return (*io)->submit({&request, 1}) &&
           (*io)->wait({&out, 1}, 1, std::chrono::seconds(60)).value_or(0) == 1 && out.bytes == 100;
  }));
}

/// A read that would wait for ever ends when it is cancelled, and when its ring goes.
TEST(uring_io, ends_what_waits) {
  const auto io = uring_io::make({.depth = 4});
  if (!io) GTEST_SKIP() << io.error().context;
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const owned_fd reader(ends[0]), writer(ends[1]);
  std::array<std::byte, 8> into{};
  const io_request request{.file = {reader.get()}, .bytes = into, .token = 5};
  ASSERT_TRUE((*io)->submit({&request, 1}));
  io_completion out;
  EXPECT_EQ((*io)->wait({&out, 1}, 1, std::chrono::milliseconds(1)).value_or(99), 0u);
  (*io)->wake();
  EXPECT_EQ((*io)->wait({&out, 1}, 1, std::chrono::hours(1)).value_or(99), 0u);
  ASSERT_TRUE((*io)->cancel(5));
  ASSERT_EQ((*io)->wait({&out, 1}, 1, std::chrono::seconds(60)).value_or(99), 1u);
  EXPECT_EQ(out.failed, errc::cancelled);
  ASSERT_TRUE((*io)->submit({&request, 1}));
}

/// Whatever is waited for: nothing of it can come.
TEST(pooled_io, a_wake_ends_a_wait_before_it_and_in_it) {
  manual_pool pool;  // whose jobs nobody runs
  pooled_io io(pool, {.depth = 4, .reason = ""});
  std::array<std::byte, 8> into{};
  const owned_fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  const io_request requests[] = {{.file = {file.get()}, .bytes = into},
                                 {.file = {file.get()}, .bytes = into}};
  ASSERT_EQ(io.submit(requests).value_or(99), 2u);
  std::array<io_completion, 2> out;
  io.wake();
  EXPECT_EQ(io.wait(out, 2, std::chrono::hours(1)).value_or(99), 0u);
  std::thread other([&] { io.wake(); });
  EXPECT_EQ(io.wait(out, 2, std::chrono::hours(1)).value_or(99), 0u);
  other.join();
  while (pool.run_one()) {
  }
}

TEST(uring_io, a_wake_ends_a_wait_for_several) {
  const auto io = uring_io::make({.depth = 4});
  if (!io) GTEST_SKIP() << io.error().context;
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const owned_fd reader(ends[0]), writer(ends[1]);
  std::array<std::byte, 24> into{};
  for (std::size_t i = 0; i < 3; ++i) {
    const io_request request{.file = {reader.get()}, .bytes = std::span(into).subspan(8 * i, 8), .token = i};
    ASSERT_EQ((*io)->submit({&request, 1}).value_or(99), 1u);
  }
  std::array<io_completion, 3> out;
  std::thread other([&] { (*io)->wake(); });
  EXPECT_EQ((*io)->wait(out, 3, std::chrono::hours(1)).value_or(99), 0u);
  other.join();
}

/// The pool drops jobs when it stops: none of their operations is lost.
TEST(pooled_io, operations_of_a_pool_that_stops_are_cancelled) {
  const auto pool = *pinned_pool::make({.threads = 1});
  std::promise<void> release;
  ASSERT_TRUE(
      pool->submit([ready = release.get_future().share()] { ready.wait(); }, work_priority::critical));
  pooled_io io(*pool, {.depth = 4, .reason = ""});
  std::array<std::byte, 16> into{};
  const owned_fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  const io_request requests[] = {{.file = {file.get()}, .bytes = std::span(into).first(8), .token = 1},
                                 {.file = {file.get()}, .bytes = std::span(into).last(8), .token = 2}};
  ASSERT_EQ(io.submit(requests).value_or(99), 2u);
  std::thread stopping([&] { pool->stop(); });
  std::array<io_completion, 2> out;
  release.set_value();
  ASSERT_EQ(io.wait(out, 2, std::chrono::seconds(60)).value_or(99), 2u);
  for (const auto& one : out) EXPECT_EQ(one.failed.value_or(errc::cancelled), errc::cancelled);
  stopping.join();
  ASSERT_EQ(io.submit(requests).value_or(99), 2u);
  ASSERT_EQ(io.wait(out, 2, std::chrono::seconds(60)).value_or(99), 2u);
  for (const auto& one : out) EXPECT_EQ(one.failed, errc::cancelled);
}

/// A pool that stops in the middle of a submission.
class stopping_pool final : public thread_pool {
 public:
  using thread_pool::submit;
  result<void> submit(job work, work_priority priority) override {
    if (calls_++ > 0) inner_.stop();
    return inner_.submit(std::move(work), priority);
  }
  void stop() override { inner_.stop(); }
  std::size_t threads() const override { return 4; }
  std::size_t queued_max() const override { return inner_.queued_max(); }

 private:
  manual_pool inner_;
  int calls_ = 0;
};

/// What was taken before completes, and what is taken then, each once.
TEST(pooled_io, loses_nothing_where_the_pool_stops_while_it_submits) {
  stopping_pool pool;
  pooled_io io(pool, {.depth = 16, .reason = ""});
  std::array<std::byte, 8> into{};
  const owned_fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  const auto read = [&](std::uint64_t token) {
    return io_request{.file = {file.get()}, .bytes = into, .token = token};
  };
  const io_request first = read(1), rest[] = {read(2), read(3)};
  ASSERT_EQ(io.submit({&first, 1}).value_or(99), 1u);
  ASSERT_EQ(io.submit(rest).value_or(99), 2u);
  std::array<io_completion, 4> out;
  ASSERT_EQ(io.wait(out, 3, std::chrono::seconds(60)).value_or(99), 3u);
  std::set<std::uint64_t> tokens;
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(out[i].failed, errc::cancelled);
    tokens.insert(out[i].token);
  }
  EXPECT_EQ(tokens, (std::set<std::uint64_t>{1, 2, 3}));
}

/// The kernel's door is closed after the ring was made: what it has not seen fails, nothing hangs.
TEST(uring_io, operations_fail_where_the_kernel_takes_nothing_more) {
  if (!uring_io::make({})) GTEST_SKIP() << "no io_uring here";
  EXPECT_TRUE(in_child([] {
    const auto io = uring_io::make({.depth = 4});
    const owned_fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    std::array<std::byte, 8> into{};
    const io_request request{.file = {file.get()}, .bytes = into, .token = 7};
    io_completion out;
    if (!io || !forbid(SYS_io_uring_enter, EPERM)) return false;
    for (int round = 0; round < 10; ++round) {  // more than there is room for
      if ((*io)->submit({&request, 1}).value_or(0) != 1) return false;
      if ((*io)->wait({&out, 1}, 1, std::chrono::seconds(60)).value_or(0) != 1) return false;
      if (out.token != 7 || out.failed != errc::permission_denied) return false;
    }
    return true;
  }));
}

TEST(hang_up, is_seen_when_the_last_copy_is_closed) {
  auto ends = *hang_up::make();
  owned_fd other(::dup(ends.held()));
  EXPECT_FALSE(ends.wait(std::chrono::milliseconds(1)));
  std::thread closing([&] { other.reset(); });
  EXPECT_TRUE(ends.wait(std::chrono::seconds(60)));
  closing.join();
}

/// Three reads that end only when they are cancelled.
class endless_reads {
 public:
  explicit endless_reads(bool plain) {
    auto made = uring_io::make({.depth = 4, .plain = plain});
    int ends[2];
    if (!made || ::pipe2(ends, O_CLOEXEC) != 0) return;
    reader_.reset(ends[0]);
    writer_.reset(ends[1]);
    std::vector<io_request> all;
    for (std::size_t i = 0; i < 3; ++i)
      all.push_back({.file = {ends[0]}, .bytes = std::span(into_).subspan(8 * i, 8), .token = i});
    io_completion out;
    if ((*made)->submit(all).value_or(0) == 3 &&
        (*made)->wait({&out, 1}, 1, std::chrono::milliseconds(1)).value_or(99) == 0)
      io_ = std::move(*made);
  }
  explicit operator bool() const { return io_ != nullptr; }
  uring_io& io() { return *io_; }
  /// Without a ring nobody but this reads the pipe: what is written now is all there, and goes nowhere else.
  bool ends_with_its_ring() {
    io_.reset();
    std::array<char, 64> back{};
    return ::write(writer_.get(), "0123456789abcdef", 16) == 16 &&
           ::read(reader_.get(), back.data(), back.size()) == 16 && into_ == decltype(into_){};
  }

 private:
  owned_fd reader_, writer_;
  std::array<std::byte, 24> into_{};
  std::unique_ptr<uring_io> io_;
};

/// Where the kernel takes no more calls while something is under way nobody is aborted and nothing hangs: the
/// ring's end cancels it.
TEST(uring_io, what_is_under_way_ends_with_its_ring_where_the_kernel_takes_nothing_more) {
  if (!uring_io::make({})) GTEST_SKIP() << "no io_uring here";
  for (const bool plain : {false, true})
    for (const bool all : {false, true})
      EXPECT_TRUE(in_child([&] {
        endless_reads reads(plain);
        io_completion out;
        if (!reads || !forbid(SYS_io_uring_enter, EPERM)) return false;
        if (all && !(forbid(SYS_io_uring_register, EPERM) && forbid(SYS_io_uring_setup, EPERM))) return false;
        const auto waited = reads.io().wait({&out, 1}, 1, std::chrono::seconds(60));
        return !waited && waited.error().code == errc::permission_denied && reads.io().cancel(1) &&
               reads.ends_with_its_ring();
      })) << plain
          << all;
}

/// A cancellation that the kernel would not take is asked for again: by the caller or with the ring's end.
TEST(uring_io, a_cancellation_that_was_refused_is_not_taken_for_one_that_was_made) {
  if (!uring_io::make({})) GTEST_SKIP() << "no io_uring here";
  EXPECT_TRUE(in_child([] {
    endless_reads reads(false);
    // One entry alone is refused, several at once pass.
    if (!reads || !test::forbid_with_second(SYS_io_uring_enter, 1, EPERM)) return false;
    io_completion out;
    return reads.io().cancel(1) && reads.ends_with_its_ring();
  }));
}

TEST(uring_io, a_child_of_fork_leaves_its_parents_ring_alone) {
  const auto io = uring_io::make({.depth = 4});
  if (!io) GTEST_SKIP() << io.error().context;
  const owned_fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  std::array<std::byte, 8> into{};
  const io_request request{.file = {file.get()}, .bytes = into};
  io_completion out;
  const auto reads = [&](async_io& ring) {
    return ring.submit({&request, 1}).value_or(0) == 1 &&
           ring.wait({&out, 1}, 1, std::chrono::seconds(60)).value_or(0) == 1 && out.bytes == 8;
  };
  EXPECT_TRUE(reads(**io));
  ASSERT_TRUE((*io)->submit({&request, 1}));
  EXPECT_TRUE(in_child([&] {
    const auto refused = (*io)->submit({&request, 1});
    if (refused || refused.error().code != errc::cancelled) return false;
    const_cast<std::unique_ptr<uring_io>&>(*io).reset();
    return true;
  }));
  EXPECT_EQ((*io)->wait({&out, 1}, 1, std::chrono::seconds(60)).value_or(99), 1u);
  EXPECT_TRUE(reads(**io));
}

/// Where the pool takes no job nothing is taken; one job is enough for all.
TEST(pooled_io, takes_nothing_where_the_pool_takes_nothing) {
  manual_pool pool(1);
  pooled_io io(pool, {.depth = 200, .reason = ""});
  std::array<std::byte, 8> into{};
  const owned_fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  std::vector<io_request> batch;
  for (std::uint64_t i = 0; i < 150; ++i) batch.push_back({.file = {file.get()}, .bytes = into, .token = i});
  ASSERT_TRUE(pool.submit([] {}));
  EXPECT_EQ(io.submit(batch).error().code, errc::busy);
  EXPECT_EQ(io.cancel(2).error().code, errc::not_found);
  EXPECT_TRUE(pool.run_one());
  EXPECT_EQ(io.submit(batch).value_or(99), 150u);
  int turns = 0;
  while (pool.run_one()) ++turns;
  EXPECT_EQ(turns, 3);  // of 64 at most
  std::vector<io_completion> out(150);
  EXPECT_EQ(io.wait(out, 150, std::chrono::seconds(60)).value_or(99), 150u);
  EXPECT_EQ(io.submit(std::span(batch).first(1)).value_or(99), 1u);
  pool.stop();
  EXPECT_EQ(io.wait(out, 1, std::chrono::seconds(60)).value_or(99), 1u);
  EXPECT_EQ(out[0].failed, errc::cancelled);
}

}  // namespace
}  // namespace graphite
