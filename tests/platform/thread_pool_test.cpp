#include "platform/linux/thread_pool.hpp"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>

#include <future>

namespace graphite {
namespace {

TEST(pinned_pool, runs_jobs_on_named_threads) {
  const auto pool = *pinned_pool::make({.name = "a-very-long-name", .threads = 1});
  std::promise<std::string> name;
  ASSERT_TRUE(pool->submit([&] {
    char text[16];
    ::pthread_getname_np(::pthread_self(), text, sizeof text);
    name.set_value(text);
  }));
  EXPECT_EQ(name.get_future().get(), "a-very-long-n-0");
}

TEST(pinned_pool, binds_every_thread_to_the_list) {
  cpu_set_t allowed;
  ::sched_getaffinity(0, sizeof allowed, &allowed);
  int cpu = 0;
  while (!CPU_ISSET(cpu, &allowed)) ++cpu;
  const auto pool = *pinned_pool::make({.threads = 2, .cpus = {cpu}});
  std::promise<int> count;
  ASSERT_TRUE(pool->submit([&] {
    cpu_set_t mine;
    ::sched_getaffinity(0, sizeof mine, &mine);
    count.set_value(CPU_ISSET(cpu, &mine) ? CPU_COUNT(&mine) : 0);
  }));
  EXPECT_EQ(count.get_future().get(), 1);
  EXPECT_EQ(pinned_pool::make({.cpus = {100'000}}).error().code, errc::invalid_argument);
  EXPECT_EQ((*pinned_pool::make({.cpus = {cpu}}))->threads(), 1u);
}

TEST(pinned_pool, refuses_beyond_its_queue_and_after_stop) {
  const auto pool = *pinned_pool::make({.threads = 1, .queued_max = 2});
  std::promise<void> started, release;
  ASSERT_TRUE(pool->submit([&] {
    started.set_value();
    release.get_future().wait();
  }));
  started.get_future().wait();
  std::atomic<int> ran = 0;
  EXPECT_TRUE(pool->submit([&] { ++ran; }));
  EXPECT_TRUE(pool->submit([&] { ++ran; }));
  EXPECT_EQ(pool->submit([&] { ++ran; }).error().code, errc::busy);
  release.set_value();
  pool->stop();
  EXPECT_LE(ran, 2);
  EXPECT_EQ(pool->submit([] {}).error().code, errc::cancelled);
}

TEST(pinned_pool, stop_waits_for_running_jobs_and_drops_waiting_ones) {
  const auto pool = *pinned_pool::make({.threads = 1});
  std::promise<void> started;
  std::atomic<bool> ended = false;
  auto owned = std::make_shared<int>(1);
  ASSERT_TRUE(pool->submit([&] {
    started.set_value();
    for (int i = 0; i < 1000; ++i) std::this_thread::yield();
    ended = true;
  }));
  ASSERT_TRUE(pool->submit([owned] {}));
  started.get_future().wait();
  pool->stop();
  EXPECT_TRUE(ended);
  EXPECT_EQ(owned.use_count(), 1);
}

}  // namespace
}  // namespace graphite
