#include "coordinator/cluster/fair_queue.hpp"

#include <gtest/gtest.h>

#include <map>

namespace graphite {
namespace {

constexpr auto nothing_blocked = [](task_class, tenant_index, shape_index) { return false; };

struct filled {
  fair_queue queue;
  std::uint32_t items = 0;

  std::uint32_t put(task_class level, tenant_index tenant, std::int64_t rank, shape_index shape = 0) {
    queue.put(items, {level, tenant, shape, rank, items});
    return items++;
  }
  std::uint32_t take(std::uint64_t cost_ns = 1'000) {
    const auto next = queue.next(nothing_blocked);
    EXPECT_TRUE(next);
    queue.take(*next, cost_ns);
    return *next;
  }
};

TEST(fair_queue, gives_by_class_then_rank_then_arrival) {
  filled q;
  const auto background = q.put(task_class::background, 0, 0), job = q.put(task_class::job, 0, 5),
             second = q.put(task_class::job, 0, 2), third = q.put(task_class::job, 0, 2, 1),
             edit = q.put(task_class::interactive, 0, 9), live = q.put(task_class::live, 0, 1);
  for (const auto wanted : {edit, live, second, third, job, background}) EXPECT_EQ(q.take(), wanted);
  EXPECT_EQ(q.queue.size(), 0u);
  EXPECT_FALSE(q.queue.next(nothing_blocked));
}

TEST(fair_queue, leaves_out_what_is_blocked) {
  filled q;
  q.put(task_class::interactive, 0, 0, 1);
  const auto other_shape = q.put(task_class::interactive, 0, 9, 2);
  const auto other_tenant = q.put(task_class::interactive, 1, 9, 1);
  const auto shape_1 = [](task_class, tenant_index tenant, shape_index shape) {
    return tenant == 0 && shape == 1;
  };
  auto next = q.queue.next(shape_1);
  EXPECT_EQ(*next, other_shape);
  q.queue.take(*next, 1'000);
  EXPECT_EQ(q.queue.next(shape_1), other_tenant);
}

TEST(fair_queue, drops_from_the_middle) {
  filled q;
  const auto a = q.put(task_class::job, 0, 1), b = q.put(task_class::job, 0, 2),
             c = q.put(task_class::job, 0, 3);
  EXPECT_TRUE(q.queue.drop(b));
  EXPECT_FALSE(q.queue.drop(b));
  EXPECT_FALSE(q.queue.drop(99));
  EXPECT_EQ(q.take(), a);
  EXPECT_EQ(q.take(), c);
}

/// What each tenant got of `starts` starts, when all of them always have something.
std::map<tenant_index, std::uint64_t> shares(const std::map<tenant_index, std::uint32_t>& weights,
                                             const std::map<tenant_index, std::uint64_t>& costs, int starts) {
  filled q;
  std::map<tenant_index, std::uint64_t> got;
  std::map<std::uint32_t, tenant_index> owner;
  for (const auto& [tenant, weight] : weights) {
    q.queue.set_weight(tenant, weight);
    for (int i = 0; i < 3; ++i) owner[q.put(task_class::job, tenant, 0)] = tenant;
  }
  for (int i = 0; i < starts; ++i) {
    const auto next = q.queue.next(nothing_blocked);
    const auto tenant = owner.at(*next);
    q.queue.take(*next, costs.at(tenant));
    got[tenant] += costs.at(tenant);
    owner[q.put(task_class::job, tenant, 0)] = tenant;
  }
  return got;
}

TEST(fair_queue, shares_time_by_weight_whatever_the_tasks_are_like) {
  const auto equal = shares({{0, 128}, {1, 128}}, {{0, 1'000}, {1, 50'000}}, 10'000);
  EXPECT_NEAR(static_cast<double>(equal.at(0)) / static_cast<double>(equal.at(1)), 1, 0.02);
  const auto weighted = shares({{0, 100}, {1, 300}, {2, 100}}, {{0, 1'000}, {1, 3'000}, {2, 20'000}}, 10'000);
  EXPECT_NEAR(static_cast<double>(weighted.at(1)) / static_cast<double>(weighted.at(0)), 3, 0.1);
  EXPECT_NEAR(static_cast<double>(weighted.at(2)) / static_cast<double>(weighted.at(0)), 1, 0.1);
}

TEST(fair_queue, a_tenant_that_was_idle_has_saved_nothing_up) {
  filled q;
  for (int i = 0; i < 200; ++i) q.put(task_class::job, 0, i);
  for (int i = 0; i < 100; ++i) q.take();
  std::map<std::uint32_t, int> late;
  for (int i = 0; i < 100; ++i) late[q.put(task_class::job, 1, i)] = 1;
  int of_the_late = 0;
  for (int i = 0; i < 20; ++i) of_the_late += late.count(q.take()) > 0 ? 1 : 0;
  EXPECT_NEAR(of_the_late, 10, 1);
}

TEST(fair_queue, what_cost_more_than_expected_is_charged_later) {
  filled q;
  std::map<std::uint32_t, tenant_index> owner;
  for (const tenant_index tenant : {0u, 1u})
    for (int i = 0; i < 50; ++i) owner[q.put(task_class::job, tenant, i)] = tenant;
  const auto first = owner.at(q.take());
  q.queue.correct(task_class::job, first, 10'000);
  for (int i = 0; i < 10; ++i) EXPECT_NE(owner.at(q.take()), first);
  q.queue.correct(task_class::job, first, -10'000'000);
  EXPECT_EQ(owner.at(q.take(1'500)), first) << "it is at the present again, not before it";
  EXPECT_NE(owner.at(q.take()), first);
}

TEST(fair_queue, each_class_gets_one_of_so_many_starts) {
  filled q;
  for (int level = 1; level < static_cast<int>(task_class_count); ++level)
    for (int i = 0; i < 100; ++i) q.put(static_cast<task_class>(level), 0, i);
  std::map<task_class, int> last, longest;
  for (int i = 0; i < 1'000; ++i) {
    q.put(task_class::interactive, 0, i);
    const auto next = q.queue.next(nothing_blocked);
    const auto level = q.queue.place_of(*next).level;
    q.queue.take(*next, 1'000);
    longest[level] = std::max(longest[level], i - last[level]);
    last[level] = i;
  }
  ASSERT_EQ(longest.size(), task_class_count);
  const auto bound = static_cast<int>(fair_queue_options{}.passed_over_max + task_class_count);
  for (const auto& [level, starts] : longest) EXPECT_LE(starts, bound) << static_cast<int>(level);
  EXPECT_LE(longest.at(task_class::interactive), static_cast<int>(task_class_count));
}

TEST(fair_queue, an_overdue_class_that_fits_nowhere_does_not_hold_up_another) {
  filled q;
  for (int i = 0; i < 200; ++i) q.put(task_class::interactive, 0, i);
  q.put(task_class::background, 0, 0, 7);
  const auto job = q.put(task_class::job, 0, 0);
  const auto shape_7 = [](task_class, tenant_index, shape_index shape) { return shape == 7; };
  for (int i = 0; i < 40; ++i) {
    const auto next = q.queue.next(shape_7);
    if (*next == job) return;
    q.queue.take(*next, 1'000);
  }
  FAIL() << "the job class never had its turn";
}

TEST(fair_queue, shares_are_the_same_after_virtual_time_began_anew) {
  filled q;
  std::map<std::uint32_t, tenant_index> owner;
  std::map<tenant_index, int> got;
  const auto put = [&](tenant_index tenant) { owner[q.put(task_class::job, tenant, 0)] = tenant; };
  for (const tenant_index tenant : {0u, 1u}) put(tenant);
  q.queue.set_weight(0, 1);
  q.queue.set_weight(1, 1);
  for (int i = 0; i < 100'000; ++i) {
    const auto next = q.queue.next(nothing_blocked);
    q.queue.take(*next, std::uint64_t{1} << 52);  // 2^59 of virtual time
    ++got[owner.at(*next)];
    put(owner.at(*next));
  }
  EXPECT_NEAR(got[0], got[1], 10);
}

}  // namespace
}  // namespace graphite
