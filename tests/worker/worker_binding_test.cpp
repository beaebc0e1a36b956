#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "platform/linux/cpu_set.hpp"
#include "platform/worker/worker_pool.hpp"
#include "tests/worker/running_workers.hpp"

namespace graphite {
namespace {

using test::do_task;
using test::processors;
using test::servers_now;
using testing::ElementsAre;
using testing::Pair;

/// Where workers run whose server is started by a thread that is bound to the first processor, as a build
/// thread may be.
class worker_binding : public testing::Test {
 protected:
  void SetUp() override {
    all_ = *allowed_cpus();
    if (all_.size() < 2) GTEST_SKIP() << "needs two processors";
    two_ = {all_[0], all_[1]};
  }
  /// `with(pool)` in such a thread; the pool ends before it.
  void on_the_first(worker_pool_options how, const std::function<void(worker_pool&)>& with) {
    how.program = GRAPHITE_TEST_WORKER;
    how.nice = 0;
    how.threads = 2;
    std::thread([&] {
      ASSERT_TRUE(bind_thread(::pthread_self(), processors{all_[0]}));
      worker_pool pool(how);
      with(pool);
      EXPECT_THAT(*thread_cpus(::pthread_self()), ElementsAre(all_[0])) << "it stays bound itself";
    }).join();
  }
  worker_pool_options everywhere() { return {.program = {}, .environment = {}}; }
  worker_pool_options one_each() {
    return {.program = {}, .environment = {}, .cpus = two_, .one_each = true};
  }

  processors all_, two_;
};

TEST_F(worker_binding, without_processors_they_run_wherever_the_process_may) {
  on_the_first(everywhere(), [&](worker_pool& pool) {
    ASSERT_TRUE(do_task(pool, "copy"));
    const auto seen = servers_now();
    ASSERT_EQ(seen.size(), 1u);
    EXPECT_THAT(seen[0].threads, ElementsAre(Pair("", all_)));
    EXPECT_THAT(seen[0].workers, ElementsAre(ElementsAre(Pair("", all_), Pair("helper-1", all_))));
  });
}

TEST_F(worker_binding, all_threads_run_on_the_pool_s_processors) {
  for (const auto& cpus : {processors{all_[1]}, two_}) {
    auto how = everywhere();
    how.cpus = cpus;
    on_the_first(how, [&](worker_pool& pool) {
      ASSERT_TRUE(do_task(pool, "copy"));
      const auto seen = servers_now();
      ASSERT_EQ(seen.size(), 1u);
      EXPECT_THAT(seen[0].workers, ElementsAre(ElementsAre(Pair("", cpus), Pair("helper-1", cpus))));
    });
  }
}

TEST_F(worker_binding, one_each_they_and_their_threads_are_spread) {
  const processors first{all_[0]}, second{all_[1]};
  on_the_first(one_each(), [&](worker_pool& pool) {
    EXPECT_TRUE(do_task(pool, "copy", [&] {
      EXPECT_TRUE(do_task(pool, "copy", [&] {
        const auto seen = servers_now();
        ASSERT_EQ(seen.size(), 1u);
        EXPECT_THAT(seen[0].threads, ElementsAre(Pair("", two_)));
        EXPECT_THAT(seen[0].workers, ElementsAre(ElementsAre(Pair("", first), Pair("helper-1", second)),
                                                 ElementsAre(Pair("", second), Pair("helper-1", first))));
      }));
    }));
  });
}

TEST_F(worker_binding, one_each_the_next_worker_gets_the_processor_of_one_that_ended) {
  on_the_first(one_each(), [&](worker_pool& pool) {
    EXPECT_TRUE(do_task(pool, "copy", [&] {
      EXPECT_FALSE(do_task(pool, "refuse"));  // whose worker is not used again
      EXPECT_TRUE(do_task(pool, "copy", [&] {
        const auto seen = servers_now();
        ASSERT_EQ(seen.size(), 1u);
        EXPECT_EQ(seen[0].workers.front().at(""), processors{all_[0]});
        EXPECT_EQ(seen[0].workers.back().at(""), processors{all_[1]});
      }));
    }));
    EXPECT_EQ(pool.started(), 3u);
  });
}

TEST_F(worker_binding, what_cannot_be_bound_is_told_and_runs_everywhere) {
  std::vector<std::string> told;
  auto how = one_each();
  how.cpus = {all_[0], cpu_number_max - 1};
  how.on_unbound = [&](const error& why) { told.push_back(why.context); };
  on_the_first(how, [&](worker_pool& pool) {
    ASSERT_TRUE(do_task(pool, "copy"));
    const auto seen = servers_now();
    ASSERT_EQ(seen.size(), 1u);
    EXPECT_THAT(seen[0].workers, ElementsAre(ElementsAre(Pair("", all_), Pair("helper-1", all_))));
  });
  EXPECT_THAT(told, ElementsAre(testing::HasSubstr("processor " + std::to_string(cpu_number_max - 1))));
}

}  // namespace
}  // namespace graphite
