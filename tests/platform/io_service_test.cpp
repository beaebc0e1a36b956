#include "platform/linux/io_service.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <cstring>
#include <future>
#include <random>
#include <set>

#include "platform/linux/cpu_set.hpp"
#include "platform/linux/owned_fd.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

class io_service_of : public testing::TestWithParam<io_adapter> {
 protected:
  void SetUp() override {
    std::mt19937_64 random(3);
    for (auto& byte : content_) byte = static_cast<std::byte>(random());
    const auto path = folder_.path() + "/content";
    file_ = owned_fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    ASSERT_EQ(::pwrite(file_.get(), content_.data(), content_.size(), 0),
              static_cast<::ssize_t>(content_.size()));
  }
  std::unique_ptr<io_service> make(std::size_t callback_threads = 1, std::size_t queued_max = 4096) {
    io_service_options options;
    options.io = {.adapter = GetParam(), .depth = 8};
    options.callback_threads = callback_threads;
    options.queued_max = queued_max;
    auto made = io_service::make(std::move(options));
    return made ? std::move(*made) : nullptr;
  }
  io_request read_of(std::uint64_t offset, std::span<std::byte> into) const {
    return {.what = io_operation::read, .file = {file_.get()}, .offset = offset, .bytes = into};
  }
  bool holds(std::span<const std::byte> got, std::size_t offset) const {
    return std::equal(got.begin(), got.end(), content_.begin() + static_cast<std::ptrdiff_t>(offset));
  }

  test::temporary_folder folder_;
  std::vector<std::byte> content_ = std::vector<std::byte>(500'000);
  owned_fd file_;
};

TEST_P(io_service_of, is_bound_with_all_its_threads_where_asked) {
  const auto cpus = *allowed_cpus();
  for (const std::size_t callback_threads : {0, 1}) {
    io_service_options options;
    options.io = {.adapter = GetParam(), .depth = 8};
    options.callback_threads = callback_threads;
    options.cpus = {cpus.back()};
    const auto service = io_service::make(std::move(options));
    if (!service) GTEST_SKIP() << "not to be had here";
    std::vector<std::byte> into(1000);
    std::vector<int> ran_on;
    ASSERT_TRUE((*service)->submit(read_of(0, into), [&](const io_completion& done) {
      EXPECT_EQ(done.bytes, 1000u);
      ran_on = *thread_cpus(::pthread_self());
    }));
    (*service)->drain();
    EXPECT_EQ(ran_on, std::vector<int>{cpus.back()});
    EXPECT_EQ((*service)->trouble(), "");
  }
}

TEST_P(io_service_of, calls_back_once_for_each_of_many_threads_operations) {
  for (const std::size_t callback_threads : {0, 2}) {
    const auto service = make(callback_threads);
    if (!service) GTEST_SKIP() << "not to be had here";
    constexpr std::size_t threads = 3, each = 300, bytes = 1000;
    std::vector<std::byte> into(threads * each * bytes);
    std::vector<std::atomic<int>> calls(threads * each);
    std::vector<std::thread> all;
    for (std::size_t t = 0; t < threads; ++t)
      all.emplace_back([&, t] {
        for (std::size_t i = t * each; i < (t + 1) * each; ++i) {
          const auto place = std::span(into).subspan(i * bytes, bytes);
          const auto token =
              service->submit(read_of(i * 7, place), [&, i, place](const io_completion& ended) {
                if (!ended.failed && ended.bytes == bytes && holds(place, i * 7)) ++calls[i];
              });
          ASSERT_TRUE(token);
        }
      });
    for (auto& thread : all) thread.join();
    service->drain();
    EXPECT_EQ(service->active(), 0u);
    for (const auto& count : calls) ASSERT_EQ(count, 1);
  }
}

TEST_P(io_service_of, a_callback_may_go_on) {
  const auto service = make();
  if (!service) GTEST_SKIP() << "not to be had here";
  std::vector<std::byte> into(100);
  std::promise<int> done;
  int left = 50;
  std::function<void(const io_completion&)> next = [&](const io_completion& ended) {
    EXPECT_FALSE(ended.failed);
    if (--left == 0) return done.set_value(left);
    EXPECT_TRUE(service->submit(read_of(static_cast<std::uint64_t>(left), into), next));
  };
  ASSERT_TRUE(service->submit(read_of(0, into), next));
  EXPECT_EQ(done.get_future().get(), 0);
}

TEST_P(io_service_of, refuses_beyond_its_queue) {
  const auto service = make(0, 4);
  if (!service) GTEST_SKIP() << "not to be had here";
  std::promise<void> release, began;
  std::vector<std::byte> into(100);
  ASSERT_TRUE(
      service->submit(read_of(0, into), [&, ready = release.get_future().share()](const io_completion&) {
        began.set_value();
        ready.wait();
      }));
  began.get_future().wait();  // its thread is busy: nothing is taken from the queue
  std::vector<std::byte> more(5 * 100);
  std::atomic<int> ended = 0;
  const auto submit = [&](std::size_t i) {
    return service->submit(read_of(0, std::span(more).subspan(i * 100, 100)),
                           [&](const io_completion&) { ++ended; });
  };
  for (std::size_t i = 0; i < 4; ++i) EXPECT_TRUE(submit(i));
  EXPECT_EQ(submit(4).error().code, errc::busy);
  EXPECT_EQ(service->active(), 5u);
  release.set_value();
  service->drain();
  EXPECT_EQ(ended, 4);
  EXPECT_EQ(service->submit({}, [](const io_completion&) {}).error().code, errc::invalid_argument);
}

/// One that starts the next from its callback, for as long as the test likes, does not keep a drain from
/// returning.
TEST_P(io_service_of, a_drain_waits_for_no_more_than_was_there) {
  const auto service = make();
  if (!service) GTEST_SKIP() << "not to be had here";
  std::vector<std::byte> into(100);
  std::atomic<bool> ended = false, go_on = true;
  std::promise<void> stopped;
  std::function<void(const io_completion&)> next = [&](const io_completion&) {
    if (!go_on) return stopped.set_value();
    EXPECT_TRUE(service->submit(read_of(0, into), next));
  };
  ASSERT_TRUE(service->submit(read_of(0, into), next));
  std::vector<std::byte> other(100);
  ASSERT_TRUE(service->submit(read_of(0, other), [&](const io_completion&) { ended = true; }));
  service->drain();
  EXPECT_TRUE(ended);
  go_on = false;
  stopped.get_future().wait();
}

TEST_P(io_service_of, the_token_is_known_before_the_callback) {
  const auto service = make();
  if (!service) GTEST_SKIP() << "not to be had here";
  std::vector<std::byte> into(100);
  for (int i = 0; i < 200; ++i) {
    std::uint64_t token = 0;
    std::promise<bool> right;
    ASSERT_TRUE(service->submit(
        read_of(0, into), [&](const io_completion& one) { right.set_value(one.token == token); }, &token));
    EXPECT_TRUE(right.get_future().get());
  }
  EXPECT_EQ(io_service::make({.callback_threads = 100'000}).error().code, errc::invalid_argument);
}

TEST_P(io_service_of, ends_with_every_operation_called_back) {
  std::atomic<std::size_t> ended = 0, submitted = 0;
  std::vector<std::byte> into(200 * 1000);
  {
    const auto service = make();
    if (!service) GTEST_SKIP() << "not to be had here";
    for (std::size_t i = 0; i < 200; ++i) {
      const auto token =
          service->submit(read_of(i, std::span(into).subspan(i * 1000, 1000)), [&](const io_completion& one) {
            if (!one.failed || *one.failed == errc::cancelled) ++ended;
          });
      if (token) ++submitted;
      if (token && i % 3 == 0) service->cancel(*token);
    }
  }
  EXPECT_EQ(submitted, 200u);
  EXPECT_EQ(ended, submitted);
}

INSTANTIATE_TEST_SUITE_P(every, io_service_of, testing::Values(io_adapter::uring, io_adapter::threads),
                         [](const auto& info) {
                           return std::string(info.param == io_adapter::uring ? "io_uring" : "threads");
                         });

}  // namespace
}  // namespace graphite
