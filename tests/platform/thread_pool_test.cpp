#include "platform/linux/thread_pool.hpp"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>

#include <cerrno>
#include <future>
#include <mutex>
#include <set>
#include <thread>

#include "platform/linux/cpu_set.hpp"
#include "platform/linux/domain_pools.hpp"
#include "tests/numa/child.hpp"
#include "tests/numa/denied_calls.hpp"

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

/// All threads but one are kept busy, and that one's own jobs are taken from it.
TEST(pinned_pool, steals_from_a_thread_that_is_busy) {
  const auto pool = *pinned_pool::make({.threads = 3});
  std::promise<void> done;
  const auto all = done.get_future().share();
  std::atomic<int> left = 20;
  std::atomic<bool> in_time = false;
  std::promise<void> ended;
  ASSERT_TRUE(pool->submit([&] {
    for (int i = 0; i < 20; ++i)
      EXPECT_TRUE(pool->submit([&] {
        if (--left == 0) done.set_value();
      }));
    in_time =
        all.wait_for(std::chrono::seconds(30)) == std::future_status::ready;  // its own, this one cannot run
    ended.set_value();
  }));
  ended.get_future().wait();
  EXPECT_TRUE(in_time);
}

/// Every lower class, while higher ones never run out.
TEST(pinned_pool, lower_classes_get_a_turn_however_much_is_critical) {
  for (const auto low : {work_priority::high, work_priority::medium, work_priority::low}) {
    const auto pool = *pinned_pool::make({.threads = 1});
    std::promise<void> done;
    std::atomic<bool> low_ran = false;
    int critical_runs = 0;
    std::function<void()> again = [&] {
      if (low_ran || ++critical_runs == 1000) return done.set_value();
      EXPECT_TRUE(pool->submit(again, work_priority::critical));
    };
    std::promise<void> filled;
    ASSERT_TRUE(pool->submit([ready = filled.get_future().share()] { ready.wait(); }));
    ASSERT_TRUE(pool->submit(again, work_priority::critical));
    ASSERT_TRUE(pool->submit([&] { low_ran = true; }, low));
    filled.set_value();
    done.get_future().wait();
    EXPECT_TRUE(low_ran);
    pool->stop();
  }
}

/// Submitters and threads of which all are asleep most of the time: a wake-up that got lost would hang.
TEST(pinned_pool, wakes_for_each_job_that_comes_alone) {
  const auto pool = *pinned_pool::make({.threads = 2});
  std::vector<std::thread> submitters;
  std::atomic<int> ran = 0;
  for (int s = 0; s < 2; ++s)
    submitters.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        std::promise<void> done;
        ASSERT_TRUE(pool->submit([&] {
          ++ran;
          done.set_value();
        }));
        done.get_future().wait();
      }
    });
  for (auto& thread : submitters) thread.join();
  EXPECT_EQ(ran, 4000);
}

TEST(pinned_pool, holds_its_bound_among_many_submitters_and_runs_what_it_took) {
  std::atomic<std::size_t> taken = 0, ran = 0;
  {
    const auto pool = *pinned_pool::make({.threads = 2, .queued_max = 16});
    std::vector<std::thread> submitters;
    for (int s = 0; s < 3; ++s)
      submitters.emplace_back([&, s] {
        for (int i = 0; i < 5000; ++i) {
          if (pool->submit([&] { ++ran; }, static_cast<work_priority>((s + i) % 3))) ++taken;
          EXPECT_LE(pool->queued(), 16u + 3u);  // those that are about to be refused are counted for a moment
        }
      });
    for (auto& thread : submitters) thread.join();
    while (pool->queued() != 0) std::this_thread::yield();
  }
  EXPECT_EQ(ran, taken);
}

/// Each job is either refused, run or destroyed: by the time stop() returns, whoever submits meanwhile.
TEST(pinned_pool, stops_while_others_submit) {
  for (int round = 0; round < 50; ++round) {
    const auto pool = *pinned_pool::make({.threads = 2});
    const auto owned = std::make_shared<int>(0);
    std::thread submitter([&] {
      while (pool->submit([owned] {})) {
      }
    });
    pool->stop();
    submitter.join();
    ASSERT_EQ(owned.use_count(), 1);
  }
}

affinity_plan two_domains() {
  affinity_plan plan;
  plan.domains = {{.node = 0, .cpus = {}, .threads = 1, .memory = {}},
                  {.node = 3, .cpus = {}, .threads = 2, .memory = {}}};
  return plan;
}

TEST(domain_pools, make_a_pool_for_each_domain) {
  const auto pools = *domain_pools::make({.name = "part", .plan = two_domains(), .queued_max = 64});
  EXPECT_EQ(pools->threads(), 3u);
  EXPECT_EQ(pools->queued_max(), 64u);
  EXPECT_EQ(pools->domain(0).name(), "part0");
  EXPECT_EQ(pools->domain(1).name(), "part3");
  pools->stop();
  EXPECT_EQ(pools->submit([] {}).error().code, errc::cancelled);
  EXPECT_EQ(domain_pools::make({}).error().code, errc::invalid_argument);
}

/// As many long jobs as there are threads: each has one, whichever domain was asked first.
TEST(domain_pools, no_thread_idles_while_work_for_anyone_waits) {
  const auto pools = *domain_pools::make({.plan = two_domains()});
  for (int round = 0; round < 100; ++round) {
    std::promise<void> all_there;
    const auto ready = all_there.get_future().share();
    std::atomic<int> at_work = 0, ended = 0;
    for (int i = 0; i < 3; ++i)
      ASSERT_TRUE(pools->submit([&, ready] {
        if (++at_work == 3) all_there.set_value();
        ready.wait();
        ++ended;
      }));
    ASSERT_EQ(ready.wait_for(std::chrono::seconds(60)), std::future_status::ready);
    while (ended != 3) std::this_thread::yield();
  }
}

TEST(domain_pools, work_for_a_domain_stays_there) {
  const auto pools = *domain_pools::make({.name = "d", .plan = two_domains()});
  for (int i = 0; i < 200; ++i) {
    std::promise<std::string> name;
    ASSERT_TRUE(pools->domain(1).submit([&] {
      char text[16];
      ::pthread_getname_np(::pthread_self(), text, sizeof text);
      EXPECT_EQ(pools->domain_here(), 1u);
      name.set_value(text);
    }));
    EXPECT_EQ(name.get_future().get().substr(0, 3), "d3-");
  }
  EXPECT_EQ(pools->domain_here(), std::nullopt);
}

TEST(domain_pools, stop_drops_what_waits_whoever_submits) {
  for (int round = 0; round < 50; ++round) {
    const auto pools = *domain_pools::make({.plan = two_domains()});
    const auto owned = std::make_shared<int>(0);
    std::thread submitter([&] {
      while (pools->submit([owned] {})) {
      }
    });
    pools->stop();
    submitter.join();
    ASSERT_EQ(owned.use_count(), 1);
  }
}

TEST(pinned_pool, binds_its_threads_one_each_where_asked) {
  const auto cpus = *allowed_cpus();
  const auto pool = *pinned_pool::make({.threads = cpus.size(), .cpus = cpus, .one_each = true});
  std::mutex mutex;
  std::set<int> seen;
  std::promise<void> all_there;
  const auto ready = all_there.get_future().share();
  std::atomic<std::size_t> there = 0;
  for (std::size_t i = 0; i < cpus.size(); ++i)
    ASSERT_TRUE(pool->submit([&, ready] {
      const auto mine = *thread_cpus(::pthread_self());
      EXPECT_EQ(mine.size(), 1u);
      {
        const std::lock_guard lock(mutex);
        seen.insert(mine.front());
      }
      if (++there == cpus.size()) all_there.set_value();
      ready.wait();
    }));
  ready.wait();
  pool->stop();
  EXPECT_EQ(seen, std::set<int>(cpus.begin(), cpus.end()));
  EXPECT_FALSE(pool->unbound());
}

TEST(pinned_pool, says_why_threads_are_not_bound) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the thread sanitizer lets no child of a process with threads start some";
#endif
  EXPECT_EQ(
      test::in_child([]() -> std::string {
        if (!test::deny_calls({SYS_sched_setaffinity}, EPERM)) return "no filter";
        const auto cpus = *allowed_cpus();
        const auto pools = *domain_pools::make(
            {.plan = {.domains = {{.cpus = cpus, .threads = 3}, {.node = 1, .cpus = cpus}}, .pinned = true}});
        const auto unbound = pools->unbound();
        return unbound && pools->domain(1).unbound() ? unbound->context : "bound";
      }),
      "cannot bind a thread to processors: Operation not permitted");
}

}  // namespace
}  // namespace graphite
