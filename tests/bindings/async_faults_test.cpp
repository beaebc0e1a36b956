// graphite_async.h over an adapter that misbehaves: its source, with a machine() of the test's.

#include <gtest/gtest.h>

#include <mutex>
#include <vector>

#include "bindings/c/graphite.hpp"
#include "bindings/c/internal.hpp"
#include "bindings/c/served_calls.hpp"
#include "tests/support/faulty_io.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/wait_until.hpp"

namespace graphite::c_api {

namespace {

thread_local std::string last_error;
std::shared_ptr<io_faults> faults;  ///< of the running test

}  // namespace

graphite_result failed(errc code, std::string text) {
  last_error = std::move(text);
  return static_cast<graphite_result>(code);
}
graphite_result failed(const error& why) { return failed(why.code, why.context); }
graphite_result invalid(const char* what) { return failed(errc::invalid_argument, what); }
graphite_result out_of_memory() noexcept { return GRAPHITE_ERROR_OUT_OF_MEMORY; }

result<const machine_functions*> machine() {
  static const machine_functions all{
      .open_io = [](const io_calls_options& options) -> result<std::unique_ptr<io_calls>> {
        GRAPHITE_TRY(auto service, io_service::over(std::make_unique<faulty_io>(faults, options.depth),
                                                    {.queued_max = options.queued_max,
                                                     .callback_threads = options.callback_threads}));
        return std::unique_ptr<io_calls>(std::make_unique<served_calls>(std::move(service)));
      },
      .open_ring = [](std::size_t depth) -> result<std::unique_ptr<async_io>> {
        return std::unique_ptr<async_io>(std::make_unique<faulty_io>(faults, depth));
      }};
  return &all;
}

}  // namespace graphite::c_api

const char* graphite_last_error(void) { return graphite::c_api::last_error.c_str(); }

namespace graphite {
namespace {

using knobs = io_faults::knobs;

struct c_async_over_faults : testing::Test {
  void SetUp() override {
    faults = c_api::faults = std::make_shared<io_faults>();
    folder.write("content", "0123456789");
    ASSERT_EQ(
        graphite_file_open(&file, (folder / "content").c_str(), GRAPHITE_FILE_READ | GRAPHITE_FILE_WRITE),
        GRAPHITE_SUCCESS);
    ASSERT_EQ(graphite_async_io_init(&io, nullptr), GRAPHITE_SUCCESS);
  }
  void TearDown() override {
    graphite_async_io_destroy(&io);
    graphite_file_close(&file);
    c_api::faults.reset();
  }
  static void note(const graphite_io_completion* ended, void* self) {
    auto& test = *static_cast<c_async_over_faults*>(self);
    const std::lock_guard lock(test.mutex);
    test.answers.push_back(*ended);
  }
  graphite_result read() {
    return graphite_async_io_read(&io, &file, bytes, sizeof bytes, 0, note, this, &token);
  }
  graphite_result sync() { return graphite_async_io_sync(&io, &file, note, this, &token); }
  std::vector<graphite_io_completion> drained() {
    graphite_async_io_drain(&io);
    const std::lock_guard lock(mutex);
    return std::exchange(answers, {});
  }
  void anew() {
    graphite_async_io_destroy(&io);
    ASSERT_EQ(graphite_async_io_init(&io, nullptr), GRAPHITE_SUCCESS);
  }

  test::temporary_folder folder;
  std::shared_ptr<io_faults> faults;
  graphite_file file{};
  graphite_async_io_context io{};
  char bytes[8] = {};
  std::uint64_t token = 0;
  std::mutex mutex;
  std::vector<graphite_io_completion> answers;
};

TEST_F(c_async_over_faults, tells_how_an_operation_ended) {
  const auto ends = [&](const io_completion& how) {
    faults->set([&](knobs& now) { now.answer = [how](const io_request&) { return how; }; });
    EXPECT_EQ(read(), GRAPHITE_SUCCESS);
    const auto got = drained();
    EXPECT_EQ(got.size(), 1u);
    EXPECT_TRUE(!got.empty() && got[0].token == token && got[0].bytes == how.bytes);
    return got.empty() ? GRAPHITE_ERROR_INVALID_ARGUMENT : got[0].result;
  };
  EXPECT_EQ(ends({.failed = errc::io, .system_error = EIO}), GRAPHITE_ERROR_IO);
  EXPECT_EQ(ends({.bytes = 3, .failed = errc::out_of_space, .system_error = ENOSPC}),
            GRAPHITE_ERROR_OUT_OF_SPACE);
  EXPECT_EQ(ends({.failed = errc::cancelled, .system_error = ECANCELED}), GRAPHITE_ERROR_CANCELLED);
  EXPECT_EQ(ends({.bytes = 2}), GRAPHITE_SUCCESS);
}

TEST_F(c_async_over_faults, a_refused_submission_is_called_back) {
  faults->set([](knobs& now) { now.submits_failed = 1, now.submit_error = errc::permission_denied; });
  EXPECT_EQ(read(), GRAPHITE_SUCCESS);
  const auto got = drained();
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].result, GRAPHITE_ERROR_PERMISSION_DENIED);
  EXPECT_EQ(got[0].token, token);
}

TEST_F(c_async_over_faults, calls_back_once_for_what_ends_twice) {
  faults->set([](knobs& now) { now.twice = true; });
  for (int i = 0; i < 50; ++i) EXPECT_EQ(read(), GRAPHITE_SUCCESS);
  EXPECT_EQ(drained().size(), 50u);
  EXPECT_EQ(graphite_async_io_active(&io), 0u);
}

TEST_F(c_async_over_faults, destroying_ends_what_ends_only_when_it_is_cancelled) {
  faults->set([](knobs& now) { now.holds = true, now.cancels_failed = 2; });
  for (int i = 0; i < 5; ++i) EXPECT_EQ(read(), GRAPHITE_SUCCESS);
  ASSERT_TRUE(test::wait_until([&] { return faults->held() == 5; }));
  graphite_async_io_destroy(&io);
  ASSERT_EQ(answers.size(), 5u);
  for (const auto& one : answers) EXPECT_EQ(one.result, GRAPHITE_ERROR_CANCELLED);
  EXPECT_EQ(faults->left(), 0u);
}

/// The context says why, and another may be made. Nobody knows what the sync that was under way has lost.
TEST_F(c_async_over_faults, where_waiting_fails_for_good_all_fail_and_a_sync_for_good) {
  faults->set([](knobs& now) { now.holds = true; });
  EXPECT_EQ(read(), GRAPHITE_SUCCESS);
  EXPECT_EQ(sync(), GRAPHITE_SUCCESS);
  ASSERT_TRUE(test::wait_until([&] { return faults->held() == 2; }));
  faults->set([](knobs& now) { now.waits_failed = io_faults::always, now.wait_error = errc::unsupported; });
  const auto got = drained();
  ASSERT_EQ(got.size(), 2u);
  for (const auto& one : got) EXPECT_EQ(one.result, GRAPHITE_ERROR_IO);
  EXPECT_EQ(read(), GRAPHITE_ERROR_UNSUPPORTED);
  EXPECT_STREQ(graphite_last_error(), "a wait that is to fail");
  EXPECT_EQ(token, 0u);
  faults = c_api::faults = std::make_shared<io_faults>();
  anew();
  EXPECT_EQ(read(), GRAPHITE_SUCCESS);
  EXPECT_EQ(drained().at(0).result, GRAPHITE_SUCCESS);
  EXPECT_EQ(sync(), GRAPHITE_SUCCESS);
  EXPECT_EQ(drained().at(0).result, GRAPHITE_ERROR_IO);
}

struct c_uring_over_faults : testing::Test {
  void SetUp() override {
    faults = c_api::faults = std::make_shared<io_faults>();
    ASSERT_EQ(graphite_uring_init(&ring, 4), GRAPHITE_SUCCESS);
  }
  void TearDown() override {
    graphite_uring_destroy(&ring);
    EXPECT_TRUE(faults->destroyed());
    c_api::faults.reset();
  }
  graphite_result read(int number) {
    return graphite_uring_read_async(&ring, name(number), 0, bytes, sizeof bytes, 0);
  }
  const graphite_stream_request* name(int number) {
    return reinterpret_cast<const graphite_stream_request*>(&bytes[number]);
  }
  graphite_result wait() { return graphite_uring_wait(&ring, ended, 8, 1, 1'000'000, &count); }

  std::shared_ptr<io_faults> faults;
  graphite_uring_context ring{};
  char bytes[8] = {};
  graphite_uring_completion ended[8] = {};
  std::size_t count = 0;
};

TEST_F(c_uring_over_faults, passes_errors_on_and_keeps_what_is_under_way) {
  faults->set([](knobs& now) { now.submits_failed = 1, now.submit_error = errc::io; });
  EXPECT_EQ(read(0), GRAPHITE_ERROR_IO);
  EXPECT_STREQ(graphite_last_error(), "a submission that is to fail");
  faults->set([](knobs& now) { now.takes_max = 0; });
  EXPECT_EQ(read(0), GRAPHITE_ERROR_BUSY);
  EXPECT_EQ(graphite_uring_active(&ring), 0u);
  faults->set([](knobs& now) {
    now.takes_max = io_faults::always, now.waits_failed = 1;
    now.answer = [](const io_request&) { return io_completion{.bytes = 3, .failed = errc::out_of_space}; };
  });
  EXPECT_EQ(read(1), GRAPHITE_SUCCESS);
  EXPECT_EQ(wait(), GRAPHITE_ERROR_IO);
  EXPECT_EQ(count, 0u);
  EXPECT_EQ(graphite_uring_active(&ring), 1u);
  EXPECT_EQ(wait(), GRAPHITE_SUCCESS);
  ASSERT_EQ(count, 1u);
  EXPECT_EQ(ended[0].request, name(1));
  EXPECT_EQ(ended[0].result, GRAPHITE_ERROR_OUT_OF_SPACE);
  EXPECT_EQ(ended[0].bytes, 3u);
}

TEST_F(c_uring_over_faults, gives_each_request_back_once) {
  faults->set([](knobs& now) { now.twice = true; });
  for (const std::uint64_t token : {std::uint64_t{3}, std::uint64_t{4}, ~std::uint64_t{0}})
    faults->give({.token = token});
  EXPECT_EQ(wait(), GRAPHITE_SUCCESS);
  EXPECT_EQ(count, 0u);
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 2; ++i) EXPECT_EQ(read(i), GRAPHITE_SUCCESS);
    EXPECT_EQ(wait(), GRAPHITE_SUCCESS);
    ASSERT_EQ(count, 2u);
    EXPECT_EQ(ended[0].request, name(0));
    EXPECT_EQ(ended[1].request, name(1));
    EXPECT_EQ(graphite_uring_active(&ring), 0u);
  }
}

}  // namespace
}  // namespace graphite
