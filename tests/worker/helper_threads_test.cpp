#include "platform/worker/helper_threads.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "platform/linux/cpu_set.hpp"

namespace graphite {
namespace {

/// Such threads end with their process: what they wait on must not be destroyed before.
helper_threads& started(std::size_t count) {
  auto* const out = new helper_threads;
  out->start(count);
  out->allow(count + 1);
  return *out;
}

TEST(helper_threads, make_every_call_once) {
  auto& threads = started(3);
  for (const std::size_t count : {0, 1, 2, 3, 4, 5, 1000})
    for (int round = 0; round < 100; ++round) {
      std::vector<std::atomic<int>> calls(count);
      threads.for_each(count, [&](std::size_t i) { ++calls[i]; });
      for (const auto& one : calls) ASSERT_EQ(one, 1) << "of " << count << " in round " << round;
    }
}

TEST(helper_threads, run_as_many_calls_at_once_as_are_allowed) {
  auto& threads = started(3);
  for (const std::size_t width : {4, 2, 3, 1}) {
    threads.allow(width);
    EXPECT_EQ(threads.width(), width);
    // Each call waits for the others: fewer threads would never end.
    std::barrier all(static_cast<std::ptrdiff_t>(width));
    std::vector<std::thread::id> ran(width);
    threads.for_each(width, [&](std::size_t i) {
      all.arrive_and_wait();
      ran[i] = std::this_thread::get_id();
    });
    EXPECT_EQ(std::set(ran.begin(), ran.end()).size(), width);
  }
}

TEST(helper_threads, are_no_more_than_were_started) {
  auto& threads = started(1);
  threads.allow(100);
  EXPECT_EQ(threads.width(), 2u);
  threads.allow(0);
  EXPECT_EQ(threads.width(), 1u);
  helper_threads none;
  none.start(0);
  none.allow(8);
  EXPECT_EQ(none.width(), 1u);
  int calls = 0;
  none.for_each(5, [&](std::size_t) { ++calls; });
  EXPECT_EQ(calls, 5);
}

TEST(helper_threads, what_a_call_throws_comes_out_and_no_more_calls_begin) {
  constexpr std::size_t many = 100'000'000;
  auto& threads = started(3);
  for (int round = 0; round < 20; ++round) {
    std::barrier all(4);
    std::atomic<std::size_t> calls{0};
    EXPECT_THROW(threads.for_each(many,
                                  [&](std::size_t i) {
                                    ++calls;
                                    if (i < 4) all.arrive_and_wait();
                                    if (i == 0) throw std::runtime_error("broken");
                                  }),
                 std::runtime_error);
    EXPECT_LT(calls, many) << "the other three went on";
    std::atomic<int> after{0};
    threads.for_each(10, [&](std::size_t) { ++after; });
    ASSERT_EQ(after, 10);
  }
}

TEST(helper_threads, are_named_and_bound_one_each_in_turns) {
  const auto cpus = *allowed_cpus();
  auto& threads = *new helper_threads;
  threads.start(3, cpus);
  threads.allow(4);
  std::barrier all(4);
  std::mutex mutex;
  std::map<std::string, std::vector<int>> seen;
  threads.for_each(4, [&](std::size_t) {
    all.arrive_and_wait();
    char name[16];
    ::pthread_getname_np(::pthread_self(), name, sizeof name);
    const std::lock_guard lock(mutex);
    seen[name] = *thread_cpus(::pthread_self());
  });
  for (const std::size_t number : {1, 2, 3})
    EXPECT_EQ(seen["helper-" + std::to_string(number)], std::vector{cpus[number % cpus.size()]}) << number;
  EXPECT_EQ(*thread_cpus(::pthread_self()), cpus) << "who starts them stays where it is";
}

}  // namespace
}  // namespace graphite
