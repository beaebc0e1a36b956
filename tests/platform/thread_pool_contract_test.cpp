#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "platform/linux/domain_pools.hpp"
#include "tests/support/manual_pool.hpp"

namespace graphite {
namespace {

/// Any pool with one thread, and what makes its jobs run.
class pool_maker {
 public:
  virtual ~pool_maker() = default;
  virtual std::unique_ptr<thread_pool> make(std::size_t queued_max) = 0;
  /// Lets jobs run until `done` is ready.
  virtual void run_until(const std::future<void>& done) { done.wait(); }
};

class pinned_maker : public pool_maker {
  std::unique_ptr<thread_pool> make(std::size_t queued_max) override {
    return *pinned_pool::make({.threads = 1, .queued_max = queued_max});
  }
};

class domain_maker : public pool_maker {
  std::unique_ptr<thread_pool> make(std::size_t queued_max) override {
    affinity_plan plan;
    plan.domains = {{.node = 0, .cpus = {}, .threads = 1, .memory = {}}};
    return *domain_pools::make({.plan = plan, .queued_max = queued_max});
  }
};

class manual_maker : public pool_maker {
  std::unique_ptr<thread_pool> make(std::size_t queued_max) override {
    auto out = std::make_unique<manual_pool>(queued_max);
    made_ = out.get();
    return out;
  }
  void run_until(const std::future<void>& done) override {
    while (done.wait_for(std::chrono::seconds(0)) != std::future_status::ready) ASSERT_TRUE(made_->run_one());
  }
  manual_pool* made_ = nullptr;
};

template <class Maker>
class thread_pool_contract : public testing::Test {
 protected:
  pool_maker& maker() { return maker_; }

 private:
  Maker maker_;
};

using makers = testing::Types<pinned_maker, domain_maker, manual_maker>;
TYPED_TEST_SUITE(thread_pool_contract, makers);

TYPED_TEST(thread_pool_contract, runs_what_is_submitted) {
  const auto pool = this->maker().make(10);
  std::promise<void> done;
  int ran = 0;
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(pool->submit([&] { ++ran; }));
  ASSERT_TRUE(pool->submit([&] { done.set_value(); }));
  this->maker().run_until(done.get_future());
  EXPECT_EQ(ran, 4);
}

/// The jobs that wait behind the first, in the order they run.
TYPED_TEST(thread_pool_contract, higher_classes_go_first) {
  const auto pool = this->maker().make(10);
  std::promise<void> filled, done;
  std::string order;
  const auto ready = filled.get_future().share();
  ASSERT_TRUE(pool->submit([ready] { ready.wait(); }, work_priority::critical));
  ASSERT_TRUE(pool->submit([&] { order += 'l'; }, work_priority::low));
  ASSERT_TRUE(pool->submit([&] { order += 'm'; }));
  ASSERT_TRUE(pool->submit([&] { order += 'h'; }, work_priority::high));
  ASSERT_TRUE(pool->submit([&] { order += 'c'; }, work_priority::critical));
  ASSERT_TRUE(pool->submit([&] { order += 'm'; }));
  ASSERT_TRUE(pool->submit([&] { done.set_value(); }, work_priority::low));
  filled.set_value();
  this->maker().run_until(done.get_future());
  EXPECT_EQ(order, "chmml");
}

/// With a job that runs as long as the test wants.
TYPED_TEST(thread_pool_contract, refuses_beyond_its_bound_and_after_stop) {
  const auto pool = this->maker().make(3);
  EXPECT_EQ(pool->queued_max(), 3u);
  std::promise<void> started;
  std::size_t taken = 0;
  const auto owned = std::make_shared<int>(0);
  error refused{};
  const auto fill = [&] {
    while (true) {
      const auto done = pool->submit([owned] {}, static_cast<work_priority>(taken % work_priorities));
      if (!done) return refused = done.error(), void();
      ++taken;
    }
  };
  ASSERT_TRUE(pool->submit([&] {
    fill();
    started.set_value();
  }));
  this->maker().run_until(started.get_future());
  EXPECT_EQ(taken, 3u);
  EXPECT_EQ(refused.code, errc::busy);
  pool->stop();
  EXPECT_EQ(owned.use_count(), 1);
  EXPECT_EQ(pool->submit([] {}).error().code, errc::cancelled);
  pool->stop();
}

}  // namespace
}  // namespace graphite
