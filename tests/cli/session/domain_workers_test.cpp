#include "cli/domain_workers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "platform/linux/cpu_set.hpp"
#include "tests/support/recording_log.hpp"
#include "tests/support/wait_until.hpp"
#include "tests/worker/running_workers.hpp"

namespace graphite {
namespace {

using test::processors;
using test::servers_now;
using testing::ElementsAre;
using testing::Pair;

/// On the first two processors, of whatever nodes: as if each were one.
class domain_workers_test : public testing::Test {
 protected:
  void SetUp() override {
    all_ = *allowed_cpus();
    if (all_.size() < 2) GTEST_SKIP() << "needs two processors";
  }
  affinity_plan two_domains(bool pinned) const {
    return {.domains = {{.node = 0, .cpus = {all_[0]}}, {.node = 1, .cpus = {all_[1]}}}, .pinned = pinned};
  }
  void make(const affinity_plan& plan) {
    pools_ = std::move(*domain_pools::make({.name = "test", .plan = plan}));
    workers_ = std::make_unique<domain_workers>(
        worker_pool_options{.program = GRAPHITE_TEST_WORKER, .environment = {}, .nice = 0, .threads = 2},
        *pools_, plan);
  }
  /// By a thread of that domain.
  void do_task_in(std::size_t domain) {
    std::promise<bool> done;
    ASSERT_TRUE(pools_->domain(domain).submit([&] { done.set_value(test::do_task(*workers_, "copy")); }));
    EXPECT_TRUE(done.get_future().get()) << "domain " << domain;
  }
  void TearDown() override {
    if (pools_) pools_->stop();  // as a session ends
  }

  processors all_;
  test::recording_log log_;
  std::unique_ptr<domain_pools> pools_;
  std::unique_ptr<domain_workers> workers_;
};

TEST_F(domain_workers_test, where_threads_are_bound_each_domain_has_its_own) {
  make(two_domains(true));
  EXPECT_EQ(workers_->pools(), 2u);
  for (const std::size_t domain : {1, 0, 1}) do_task_in(domain);
  const auto seen = servers_now();
  ASSERT_EQ(seen.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i)  // of one thread, as the domain's pool
    EXPECT_THAT(seen[i].workers, ElementsAre(ElementsAre(Pair("", processors{all_[i]})))) << "domain " << i;
}

TEST_F(domain_workers_test, elsewhere_one_pool_serves_all) {
  make(two_domains(false));
  EXPECT_EQ(workers_->pools(), 1u);
  for (const std::size_t domain : {0, 1}) do_task_in(domain);
  const auto seen = servers_now();
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_THAT(seen[0].workers, ElementsAre(ElementsAre(Pair("", all_), Pair("helper-1", all_))));
}

TEST_F(domain_workers_test, a_domain_s_processors_are_shared_out_where_its_threads_have_one_each) {
  make(
      {.domains = {{.node = 0, .cpus = {all_[0], all_[1]}, .threads = 2}}, .pinned = true, .one_each = true});
  do_task_in(0);
  const auto seen = servers_now();
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_THAT(seen[0].threads, ElementsAre(Pair("", (processors{all_[0], all_[1]}))));
  EXPECT_THAT(seen[0].workers,
              ElementsAre(ElementsAre(Pair("", processors{all_[0]}), Pair("helper-1", processors{all_[1]}))));
}

TEST_F(domain_workers_test, each_domain_s_are_there_before_the_first_task) {
  make(two_domains(true));
  workers_->warm_up(log_);
  const auto ready = [] {
    const auto seen = servers_now();
    return seen.size() == 2 && seen[0].workers.size() == 1 && seen[1].workers.size() == 1;
  };
  EXPECT_TRUE(test::wait_until(ready));
  const auto seen = servers_now();
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(seen[i].threads.at(""), processors{all_[i]});
  EXPECT_TRUE(log_.empty());
}

TEST_F(domain_workers_test, a_program_that_is_not_there_is_in_the_log) {
  const auto plan = two_domains(true);
  pools_ = std::move(*domain_pools::make({.name = "test", .plan = plan}));
  workers_ = std::make_unique<domain_workers>(
      worker_pool_options{.program = "/nowhere/graphite-worker", .environment = {}}, *pools_, plan);
  workers_->warm_up(log_);
  EXPECT_TRUE(test::wait_until([&] { return log_.contains("/nowhere/graphite-worker"); }));
}

}  // namespace
}  // namespace graphite
