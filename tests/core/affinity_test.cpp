#include "core/affinity.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "core/units.hpp"

namespace graphite {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

numa_node node(unsigned number, int first_cpu, int cpus) {
  numa_node out{.number = number, .memory_only = cpus == 0, .memory_bytes = GiB};
  out.cpus.resize(static_cast<std::size_t>(cpus));
  std::iota(out.cpus.begin(), out.cpus.end(), first_cpu);
  return out;
}

/// Nodes 0, 1, 2 … with so many processors each, numbered through; 0: memory only.
machine_topology machine(const std::vector<int>& cpus) {
  machine_topology out;
  for (const int count : cpus) {
    out.nodes.push_back(
        node(static_cast<unsigned>(out.nodes.size()), static_cast<int>(out.online_cpus), count));
    out.online_cpus += static_cast<std::size_t>(count);
  }
  return out;
}

std::vector<std::size_t> threads_of(const affinity_plan& plan) {
  std::vector<std::size_t> out;
  for (const auto& domain : plan.domains) out.push_back(domain.threads);
  return out;
}

std::vector<std::size_t> shares(const std::vector<int>& cpus, std::size_t threads) {
  return threads_of(plan_affinity(machine(cpus), pin_mode::never, threads));
}

TEST(affinity, a_machine_without_numa_has_one_domain) {
  const auto plan = plan_affinity(machine({4}), pin_mode::automatic);
  ASSERT_EQ(plan.domains.size(), 1u);
  EXPECT_EQ(plan.domains[0].node, 0u);
  EXPECT_THAT(plan.domains[0].cpus, ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(plan.domains[0].threads, 4u);
  EXPECT_THAT(plan.domains[0].memory, ElementsAre(0));
}

TEST(affinity, a_thread_for_each_processor_unless_told) {
  EXPECT_THAT(shares({4, 2}, 0), ElementsAre(4, 2));
  EXPECT_THAT(shares({1, 7, 3}, 0), ElementsAre(1, 7, 3));
}

TEST(affinity, threads_are_shared_out_by_processors) {
  EXPECT_THAT(shares({6, 2}, 4), ElementsAre(3, 1));
  EXPECT_THAT(shares({8, 8, 4}, 10), ElementsAre(4, 4, 2));
  EXPECT_THAT(shares({2, 2}, 40), ElementsAre(20, 20));
}

TEST(affinity, the_largest_remainder_gets_the_odd_thread_and_ties_go_to_the_lower_node) {
  EXPECT_THAT(shares({3, 5}, 4), ElementsAre(2, 2));  // 1.5 and 2.5: a tie
  EXPECT_THAT(shares({4, 4, 4}, 5), ElementsAre(2, 2, 1));
  EXPECT_THAT(shares({5, 2, 7}, 7), ElementsAre(3, 1, 3));   // 2.5, 1, 3.5: a tie
  EXPECT_THAT(shares({10, 6, 7}, 9), ElementsAre(4, 2, 3));  // 3.91, 2.35, 2.74
}

TEST(affinity, every_domain_has_a_thread) {
  EXPECT_THAT(shares({1, 31}, 4), ElementsAre(1, 3));
  EXPECT_THAT(shares({8, 8}, 1), ElementsAre(1, 1));
  EXPECT_THAT(shares({1, 1, 98}, 3), ElementsAre(1, 1, 1));
  EXPECT_THAT(shares({1, 1, 98}, 10), ElementsAre(1, 1, 8));
  // Once the smallest has its one, the next falls below one as well.
  EXPECT_THAT(shares({1, 11, 40, 48}, 9), ElementsAre(1, 1, 3, 4));
}

TEST(affinity, no_thread_is_lost_and_none_invented) {
  for (std::size_t threads = 4; threads < 200; ++threads) {
    const auto got = shares({1, 9, 30, 24}, threads);
    EXPECT_EQ(std::accumulate(got.begin(), got.end(), std::size_t{0}), threads);
    EXPECT_GE(*std::min_element(got.begin(), got.end()), 1u);
  }
}

TEST(affinity, no_more_threads_than_the_quota_is_worth) {
  auto one = machine({8});
  for (const auto& [quota, threads] : std::vector<std::pair<double, std::size_t>>{
           {0.5, 1}, {1, 1}, {2.9, 2}, {3, 3}, {8, 8}, {64, 8}, {0, 1}, {-1, 1}}) {
    one.cpu_quota = quota;
    EXPECT_THAT(threads_of(plan_affinity(one, pin_mode::never)), ElementsAre(threads)) << quota;
  }
  auto two = machine({6, 2});
  two.cpu_quota = 4;
  EXPECT_THAT(threads_of(plan_affinity(two, pin_mode::never)), ElementsAre(3, 1));
  two.cpu_quota = 0.5;
  EXPECT_THAT(threads_of(plan_affinity(two, pin_mode::never)), ElementsAre(1, 1));
}

TEST(affinity, a_number_of_threads_that_was_asked_for_is_not_held_to_the_quota) {
  auto one = machine({8});
  one.cpu_quota = 0.5;
  EXPECT_THAT(threads_of(plan_affinity(one, pin_mode::never, 6)), ElementsAre(6));
}

TEST(affinity, memory_only_nodes_belong_to_the_nearest_domain) {
  auto four = machine({4, 4, 0, 0});
  four.nodes[0].distances = {10, 20, 31, 17};
  four.nodes[1].distances = {20, 10, 17, 31};
  four.nodes[2].distances = {31, 17, 10, 40};
  four.nodes[3].distances = {17, 31, 40, 10};
  const auto plan = plan_affinity(four, pin_mode::never);
  ASSERT_EQ(plan.domains.size(), 2u);
  EXPECT_THAT(plan.domains[0].memory, ElementsAre(0, 3));
  EXPECT_THAT(plan.domains[1].memory, ElementsAre(1, 2));
}

TEST(affinity, a_memory_only_node_as_near_to_two_domains_belongs_to_the_lower) {
  auto three = machine({2, 2, 0});
  three.nodes[0].distances = {10, 20, 20};
  three.nodes[1].distances = {20, 10, 20};
  three.nodes[2].distances = {20, 20, 10};
  auto plan = plan_affinity(three, pin_mode::never);
  EXPECT_THAT(plan.domains[0].memory, ElementsAre(0, 2));
  EXPECT_THAT(plan.domains[1].memory, ElementsAre(1));
  for (auto& each : three.nodes) each.distances.clear();
  plan = plan_affinity(three, pin_mode::never);
  EXPECT_THAT(plan.domains[0].memory, ElementsAre(0, 2));
}

TEST(affinity, a_domains_memory_is_its_own_first_then_nearest_first) {
  auto three = machine({0, 2, 0});
  three.nodes[1].distances = {30, 10, 17};
  const auto plan = plan_affinity(three, pin_mode::never);
  ASSERT_EQ(plan.domains.size(), 1u);
  EXPECT_THAT(plan.domains[0].memory, ElementsAre(1, 2, 0));
  // Memory in the package may be said to be no farther than the domain's own.
  three.nodes[1].distances = {10, 10, 10};
  EXPECT_THAT(plan_affinity(three, pin_mode::never).domains[0].memory, ElementsAre(1, 0, 2));
}

TEST(affinity, what_the_system_says_of_a_memory_only_nodes_place_goes_before_distances) {
  auto three = machine({2, 2, 0});
  three.nodes[0].distances = {10, 20, 17};
  three.nodes[1].distances = {20, 10, 28};
  three.nodes[2].beside = 1;
  const auto plan = plan_affinity(three, pin_mode::never);
  EXPECT_THAT(plan.domains[0].memory, ElementsAre(0));
  EXPECT_THAT(plan.domains[1].memory, ElementsAre(1, 2));
  three.nodes[1].cpus.clear();  // all forbidden: no domain
  EXPECT_THAT(plan_affinity(three, pin_mode::never).domains[0].memory, ElementsAre(0, 2));
}

TEST(affinity, memory_that_is_forbidden_or_absent_is_left_out) {
  auto three = machine({2, 2, 0});
  three.nodes[0].distances = {10, 20, 17};
  three.nodes[1].distances = {20, 10, 28};
  three.nodes[2].memory_allowed = false;
  EXPECT_THAT(plan_affinity(three, pin_mode::never).domains[0].memory, ElementsAre(0));
  three.nodes[0].memory_allowed = false;
  auto plan = plan_affinity(three, pin_mode::never);
  EXPECT_THAT(plan.domains[0].memory, ElementsAre(1));  // the nearest that may be used
  EXPECT_THAT(plan.domains[1].memory, ElementsAre(1));
  three.nodes[1].memory_bytes = 0;
  plan = plan_affinity(three, pin_mode::never);
  EXPECT_THAT(plan.domains[0].memory, IsEmpty());
}

TEST(affinity, nodes_whose_processors_are_forbidden_make_no_domain_and_lend_no_memory) {
  auto three = machine({2, 2, 2});
  three.nodes[0].cpus.clear();
  three.nodes[2].cpus.clear();
  const auto plan = plan_affinity(three, pin_mode::never);
  ASSERT_EQ(plan.domains.size(), 1u);
  EXPECT_EQ(plan.domains[0].node, 1u);
  EXPECT_THAT(plan.domains[0].memory, ElementsAre(1));
}

TEST(affinity, keeps_the_systems_numbers) {
  auto gaps = machine({2, 2, 0});
  gaps.nodes[1].number = 4;
  gaps.nodes[2].number = 9;
  gaps.nodes[0].distances = {10, 20, 30};
  gaps.nodes[1].distances = {20, 10, 15};
  const auto plan = plan_affinity(gaps, pin_mode::never);
  EXPECT_EQ(plan.domains[1].node, 4u);
  EXPECT_THAT(plan.domains[1].memory, ElementsAre(4, 9));
}

TEST(affinity, auto_binds_only_where_the_processors_are_our_own) {
  auto one = machine({2});
  one.exclusive_reason = "the processors are shared";
  auto plan = plan_affinity(one, pin_mode::automatic);
  EXPECT_FALSE(plan.pinned);
  EXPECT_THAT(plan.reason, HasSubstr("the processors are shared"));
  one.exclusive = true;
  one.exclusive_reason = "the cgroup is a partition";
  plan = plan_affinity(one, pin_mode::automatic);
  EXPECT_TRUE(plan.pinned);
  EXPECT_THAT(plan.reason, HasSubstr("the cgroup is a partition"));
}

TEST(affinity, on_and_off_do_as_they_say) {
  auto one = machine({2});
  EXPECT_TRUE(plan_affinity(one, pin_mode::always).pinned);
  one.exclusive = true;
  EXPECT_FALSE(plan_affinity(one, pin_mode::never).pinned);
  EXPECT_FALSE(plan_affinity(one, pin_mode::never).reason.empty());
}

TEST(affinity, a_machine_that_tells_nothing_has_one_domain_that_is_not_bound) {
  machine_topology unknown{.online_cpus = 3, .exclusive = true};
  const auto plan = plan_affinity(unknown, pin_mode::always);
  ASSERT_EQ(plan.domains.size(), 1u);
  EXPECT_EQ(plan.domains[0].threads, 3u);
  EXPECT_FALSE(plan.pinned);
  unknown.nodes.push_back(node(0, 0, 0));
  EXPECT_EQ(plan_affinity(unknown, pin_mode::always).domains.size(), 1u);
}

TEST(affinity, pinning_has_three_names) {
  for (const auto mode : {pin_mode::automatic, pin_mode::always, pin_mode::never})
    EXPECT_EQ(*parse_pin_mode(to_string(mode)), mode);
  EXPECT_EQ(to_string(pin_mode::automatic), "auto");
  for (const auto* text : {"", "On", "yes", "auto "})
    EXPECT_EQ(parse_pin_mode(text).error().code, errc::invalid_argument);
}

TEST(affinity, threads_that_the_system_does_not_move_get_a_processor_each) {
  machine_topology machine;
  machine.nodes = {{.number = 0, .cpus = {4, 5}, .cores = {4, 5}, .memory_bytes = 1}};
  machine.exclusive = machine.unbalanced = true;
  EXPECT_TRUE(plan_affinity(machine, pin_mode::automatic).pinned);
  EXPECT_TRUE(plan_affinity(machine, pin_mode::automatic).one_each);
  machine.unbalanced = false;
  EXPECT_FALSE(plan_affinity(machine, pin_mode::always).one_each);
}

}  // namespace
}  // namespace graphite
