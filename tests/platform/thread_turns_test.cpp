#include "platform/linux/thread_turns.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <future>
#include <thread>

#include "platform/linux/thread_pool.hpp"

namespace graphite {
namespace {

struct attributes_of_a_thread {
  std::uint32_t size = sizeof(attributes_of_a_thread), policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0, deadline = 0, period = 0;
};

std::uint64_t turn_ns() {
  attributes_of_a_thread now;
  EXPECT_EQ(::syscall(SYS_sched_getattr, 0, &now, sizeof now, 0U), 0);
  return now.runtime;
}

int niceness() { return ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid())); }

struct thread_turns : ::testing::Test {
  void SetUp() override {
    if (usual == 0) GTEST_SKIP() << "this kernel (before 6.12) knows no turns of a thread's own";
  }
  const std::uint64_t usual = turn_ns();
};

TEST_F(thread_turns, are_short_for_threads_that_are_begun_meanwhile_and_theirs) {
  std::uint64_t of_child = 0, of_grandchild = 0, of_later = 0;
  {
    const short_turns here;
    EXPECT_EQ(turn_ns(), 100'000U);
    std::thread([&] {
      of_child = turn_ns();
      std::thread([&] { of_grandchild = turn_ns(); }).join();
    }).join();
  }
  std::thread([&] { of_later = turn_ns(); }).join();
  EXPECT_EQ(of_child, 100'000U);
  EXPECT_EQ(of_grandchild, 100'000U);
  EXPECT_EQ(of_later, usual);
  EXPECT_EQ(turn_ns(), usual);
}

TEST_F(thread_turns, are_left_by_who_works_long) {
  const short_turns here;
  std::thread([&] {
    const int before = niceness();
    take_usual_turns();
    EXPECT_EQ(turn_ns(), usual);
    EXPECT_EQ(niceness(), before);
  }).join();
}

TEST_F(thread_turns, are_usual_in_pools_whoever_begins_them) {
  const short_turns here;
  const auto pool = *pinned_pool::make({.name = "works-long", .threads = 1});
  std::promise<std::uint64_t> seen;
  ASSERT_TRUE(pool->submit([&] { seen.set_value(turn_ns()); }));
  EXPECT_EQ(seen.get_future().get(), usual);
}

TEST_F(thread_turns, are_usual_and_the_share_smaller_for_who_serves_strangers) {
  const short_turns here;
  const int before = niceness();
  std::thread([&] {
    stand_back();
    EXPECT_EQ(turn_ns(), usual);
    EXPECT_GT(niceness(), before);
  }).join();
  EXPECT_EQ(niceness(), before);
}

}  // namespace
}  // namespace graphite
