#include "coordinator/cluster/needs.hpp"

#include <gtest/gtest.h>

#include "coordinator/cluster/poison_table.hpp"
#include "coordinator/cluster/usage_limits.hpp"

namespace graphite {
namespace {

TEST(free_resources, fit_only_where_each_of_them_is_there) {
  domain_capacity all{4'000, 8 * GiB, {}};
  all.resources[2] = 1;
  free_resources free(all);
  const auto fits = [&](std::uint32_t cpu, std::uint64_t memory, std::uint32_t gpus) {
    task_needs needs{.cpu_milli = cpu, .memory_bytes = memory};
    if (gpus > 0) needs.resources[0] = {2, gpus};
    return free.fits(needs);
  };
  EXPECT_TRUE(fits(4'000, 8 * GiB, 1));
  EXPECT_FALSE(fits(4'001, 0, 0));
  EXPECT_FALSE(fits(1'000, 8 * GiB + 1, 0));
  EXPECT_FALSE(fits(1'000, 0, 2));
  task_needs one{.cpu_milli = 1'000, .memory_bytes = GiB};
  one.resources[0] = {2, 1};
  free.take(one);
  EXPECT_FALSE(fits(1'000, 0, 1)) << "the only one is taken";
  EXPECT_TRUE(fits(3'000, 7 * GiB, 0));
  free.give_back(one);
  EXPECT_TRUE(fits(4'000, 8 * GiB, 1));
}

TEST(shape_table, knows_equal_needs_again_and_refuses_nonsense) {
  shape_table shapes;
  task_needs gpu;
  gpu.resources[0] = {3, 1};
  const auto plain = shapes.intern({});
  ASSERT_TRUE(plain);
  EXPECT_EQ(*plain, *shapes.intern({}));
  EXPECT_NE(*plain, *shapes.intern(gpu));
  EXPECT_EQ(shapes.size(), 2u);
  EXPECT_EQ(shapes.at(*shapes.intern(gpu)), gpu);
  gpu.resources[1] = {3, 1};
  EXPECT_EQ(shapes.intern(gpu).error().code, errc::invalid_argument) << "named twice";
  gpu.resources[1] = {named_resources_max, 1};
  EXPECT_EQ(shapes.intern(gpu).error().code, errc::invalid_argument);
  EXPECT_EQ(shapes.intern({.cpu_milli = 0}).error().code, errc::invalid_argument);
}

TEST(shape_table, is_bounded) {
  shape_table shapes;
  for (std::uint32_t i = 0; i < shape_table::shapes_max; ++i) ASSERT_TRUE(shapes.intern({.memory_bytes = i}));
  EXPECT_EQ(shapes.intern({.memory_bytes = GiB}).error().code, errc::busy);
  EXPECT_TRUE(shapes.intern({.memory_bytes = 7})) << "a known one is still known";
}

TEST(usage_limits, hold_for_pools_and_tenants) {
  usage_limits limits;
  const auto pool = *limits.intern(77);
  EXPECT_EQ(*limits.intern(77), pool);
  limits.set_pool(pool, 2);
  const task_needs needs{.cpu_milli = 2'000, .pool = pool};
  limits.set_tenant(1, 5'000);
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(limits.allows_pool(needs) && limits.allows_tenant(1, needs));
    limits.take(1, needs);
  }
  EXPECT_FALSE(limits.allows_pool(needs));
  EXPECT_FALSE(limits.allows_tenant(1, needs)) << "6,000 of 5,000";
  EXPECT_TRUE(limits.allows_tenant(2, needs)) << "another's";
  limits.give_back(1, needs);
  EXPECT_TRUE(limits.allows_pool(needs) && limits.allows_tenant(1, needs));
  EXPECT_FALSE(limits.known(pool + 1));
}

TEST(poison_table, is_by_tenant_keeps_the_first_reason_and_forgets_the_oldest) {
  poison_table table(2);
  const auto key = [](std::uint8_t first) {
    digest out;
    out.bytes[0] = first;
    return out;
  };
  table.add({1, key(1), "a"});
  table.add({1, key(1), "b"});
  ASSERT_NE(table.find(1, key(1)), nullptr);
  EXPECT_EQ(*table.find(1, key(1)), "a");
  EXPECT_EQ(table.find(2, key(1)), nullptr);
  table.add({1, key(2), "c"});
  EXPECT_TRUE(table.forgive(1, key(2)));
  EXPECT_FALSE(table.forgive(1, key(2)));
  table.add({1, key(3), "d"});
  table.add({1, key(4), "e"});
  EXPECT_EQ(table.find(1, key(1)), nullptr) << "the oldest";
  EXPECT_EQ(table.list().size(), 2u);
  EXPECT_EQ(table.list().front().key, key(3));
}

}  // namespace
}  // namespace graphite
