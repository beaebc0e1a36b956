#include "platform/linux/cpu_set.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <thread>

#include "core/cpu_list.hpp"
#include "tests/numa/child.hpp"

namespace graphite {
namespace {

using test::in_child;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(cpu_set, tells_the_processors_of_this_process) {
  const auto allowed = *allowed_cpus();
  ASSERT_FALSE(allowed.empty());
  EXPECT_TRUE(std::is_sorted(allowed.begin(), allowed.end()));
  EXPECT_EQ(allowed, *thread_cpus(::pthread_self()));
}

TEST(cpu_set, a_bound_thread_runs_on_its_processors_alone) {
  const auto allowed = *allowed_cpus();
  for (const int cpu : allowed) {
    int ran_on = -1;
    std::vector<int> mask;
    std::thread([&] {
      ASSERT_TRUE(bind_thread(::pthread_self(), std::vector{cpu}));
      ran_on = ::sched_getcpu();
      mask = *thread_cpus(::pthread_self());
    }).join();
    EXPECT_EQ(ran_on, cpu);
    EXPECT_THAT(mask, ElementsAre(cpu));
  }
}

TEST(cpu_set, binds_another_thread_and_leaves_the_process_alone) {
  const auto allowed = *allowed_cpus();
  std::atomic<bool> done = false;
  std::thread other([&] { done.wait(false); });
  EXPECT_TRUE(bind_thread(other.native_handle(), std::vector{allowed.back()}));
  EXPECT_THAT(*thread_cpus(other.native_handle()), ElementsAre(allowed.back()));
  EXPECT_EQ(*allowed_cpus(), allowed);
  done = true;
  done.notify_all();
  other.join();
}

TEST(cpu_set, what_other_threads_are_bound_to_does_not_count_for_the_process) {
  const auto allowed = *allowed_cpus();
  std::vector<int> seen;
  std::thread([&] {
    ASSERT_TRUE(bind_thread(::pthread_self(), std::vector{allowed.front()}));
    seen = *allowed_cpus();
  }).join();
  EXPECT_EQ(seen, allowed);
}

TEST(cpu_set, refuses_a_processor_that_is_not_there_by_its_number) {
  const auto before = *thread_cpus(::pthread_self());
  for (const int missing : {-1, 1023, 1024, 5000, cpu_number_max, 100'000'000}) {
    if (std::binary_search(before.begin(), before.end(), missing)) continue;
    for (const auto& cpus : {std::vector{missing}, std::vector{before.front(), missing}}) {
      const auto bound = bind_thread(::pthread_self(), cpus);
      ASSERT_FALSE(bound) << missing;
      EXPECT_EQ(bound.error().code, errc::invalid_argument);
      EXPECT_THAT(bound.error().context, HasSubstr("processor " + std::to_string(missing) + " "));
      EXPECT_EQ(*thread_cpus(::pthread_self()), before);
    }
  }
  EXPECT_EQ(bind_thread(::pthread_self(), {}).error().code, errc::invalid_argument);
}

TEST(cpu_set, a_rebound_thread_runs_elsewhere_for_a_while) {
  const auto allowed = *allowed_cpus();
  std::thread([&] {
    const auto mine = [] { return *thread_cpus(::pthread_self()); };
    ASSERT_TRUE(bind_thread(::pthread_self(), std::vector{allowed.front()}));
    {
      const rebound_thread other(std::vector{allowed.back()});
      EXPECT_TRUE(other.bound());
      EXPECT_THAT(mine(), ElementsAre(allowed.back()));
      const unbound_thread everywhere;
      EXPECT_EQ(mine(), allowed);
    }
    EXPECT_THAT(mine(), ElementsAre(allowed.front()));
    const rebound_thread nowhere(std::vector{cpu_number_max - 1});
    EXPECT_FALSE(nowhere.bound());
    EXPECT_THAT(mine(), ElementsAre(allowed.front()));
  }).join();
}

TEST(cpu_set, sees_what_a_process_was_restricted_to) {
  const auto allowed = *allowed_cpus();
  EXPECT_EQ(in_child([&]() -> std::string {
              cpu_set_t one;
              CPU_ZERO(&one);
              CPU_SET(static_cast<std::size_t>(allowed.back()), &one);
              if (::sched_setaffinity(0, sizeof one, &one) != 0) return "not restricted";
              return format_cpu_list(*allowed_cpus());
            }),
            std::to_string(allowed.back()));
}

}  // namespace
}  // namespace graphite
