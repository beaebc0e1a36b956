#include "platform/numa/hwloc_topology.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include "core/affinity.hpp"
#include "core/cpu_list.hpp"
#include "platform/linux/cpu_set.hpp"
#include "tests/numa/child.hpp"
#include "tests/numa/machines.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

using test::from_xml;
using test::synthetic_machine;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

machine_topology read_machine(hwloc_topology_options options) {
  auto out = hwloc_topology(std::move(options)).read();
  EXPECT_TRUE(out) << out.error().context;
  return out.value_or(machine_topology{});
}

std::vector<unsigned> numbers(const machine_topology& machine) {
  std::vector<unsigned> out;
  for (const auto& node : machine.nodes) out.push_back(node.number);
  return out;
}

TEST(hwloc_topology, this_machine_has_the_processors_that_this_process_may_use) {
  const auto machine = read_machine({});
  std::vector<int> cpus;
  for (const auto& node : machine.nodes) cpus.insert(cpus.end(), node.cpus.begin(), node.cpus.end());
  std::sort(cpus.begin(), cpus.end());
  EXPECT_EQ(cpus, *allowed_cpus());
  EXPECT_GT(machine.nodes.front().memory_bytes, 0u);
}

TEST(hwloc_topology, a_process_bound_by_its_starter_sees_no_more_than_it_may_use) {
  const auto all = *allowed_cpus();
  if (all.size() < 2) GTEST_SKIP() << "one processor: nothing to restrict to";
  const auto seen = test::in_child([&]() -> std::string {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(all.back()), &one);
    if (::sched_setaffinity(0, sizeof one, &one) != 0) return "not restricted";
    const auto machine = hwloc_topology().read();
    if (!machine) return machine.error().context;
    std::string out;
    for (const auto& node : machine->nodes)
      if (!node.cpus.empty()) out += format_cpu_list(node.cpus);
    return out + " of " + std::to_string(machine->online_cpus);
  });
  EXPECT_EQ(seen, std::to_string(all.back()) + " of " + std::to_string(read_machine({}).online_cpus));
}

TEST(hwloc_topology, finds_nodes_packages_and_memory) {
  const auto machine =
      read_machine(synthetic_machine("pack:2 group:2 [numa(memory=2000000000)] core:2 pu:2"));
  EXPECT_THAT(numbers(machine), ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(machine.packages, 2u);
  EXPECT_EQ(machine.online_cpus, 16u);
  EXPECT_THAT(machine.nodes[2].cpus, ElementsAre(8, 9, 10, 11));
  EXPECT_EQ(machine.nodes[2].memory_bytes, 2'000'000'000u);
  EXPECT_FALSE(machine.nodes[2].memory_only);
}

TEST(hwloc_topology, a_machine_without_numa_is_one_node) {
  const auto machine = read_machine(synthetic_machine("core:4 pu:1"));
  EXPECT_THAT(numbers(machine), ElementsAre(0));
  EXPECT_EQ(machine.packages, 1u);
  EXPECT_THAT(machine.nodes[0].cores, ElementsAre(0, 1, 2, 3));
}

TEST(hwloc_topology, names_the_first_thread_of_each_core) {
  const auto machine = read_machine(synthetic_machine("pack:2 [numa] core:2 pu:2"));
  EXPECT_THAT(machine.nodes[0].cores, ElementsAre(0, 2));
  EXPECT_THAT(machine.nodes[1].cores, ElementsAre(4, 6));
}

TEST(hwloc_topology, siblings_may_be_numbered_apart) {
  const auto machine = read_machine(synthetic_machine("pack:2 [numa] core:2 pu:2(indexes=0,4,1,5,2,6,3,7)"));
  EXPECT_THAT(machine.nodes[0].cpus, ElementsAre(0, 1, 4, 5));
  EXPECT_THAT(machine.nodes[0].cores, ElementsAre(0, 1));
}

TEST(hwloc_topology, the_first_thread_of_a_core_is_the_first_allowed_one) {
  auto options = synthetic_machine("pack:1 [numa] core:3 pu:2");
  options.allowed_cpus = {{1, 2, 3}};
  const auto machine = read_machine(options);
  EXPECT_THAT(machine.nodes[0].cpus, ElementsAre(1, 2, 3));
  EXPECT_THAT(machine.nodes[0].cores, ElementsAre(1, 2));
  EXPECT_EQ(machine.online_cpus, 6u);
}

TEST(hwloc_topology, node_numbers_may_have_gaps) {
  const auto machine = read_machine(synthetic_machine("numa:4(indexes=7,0,5,2) core:1 pu:1"));
  EXPECT_THAT(numbers(machine), ElementsAre(0, 2, 5, 7));
  EXPECT_THAT(machine.nodes[0].cpus, ElementsAre(1));
  EXPECT_THAT(machine.nodes[3].cpus, ElementsAre(0));
  EXPECT_EQ(plan_affinity(machine, pin_mode::never).domains[3].node, 7u);
}

TEST(hwloc_topology, more_than_1024_processors) {
  const auto machine = read_machine(synthetic_machine("pack:2 [numa] core:800 pu:2"));
  EXPECT_EQ(machine.nodes[1].cpus.size(), 1600u);
  EXPECT_EQ(machine.nodes[1].cpus.back(), 3199);
}

TEST(hwloc_topology, distances_are_those_of_the_system_by_place_in_the_list) {
  const auto machine = read_machine(from_xml({.synthetic = "pack:3 [numa(indexes=4,0,2)] core:1 pu:1",
                                              .distances = {{10, 21, 31}, {22, 10, 17}, {32, 16, 10}}}));
  EXPECT_THAT(numbers(machine), ElementsAre(0, 2, 4));
  EXPECT_THAT(machine.nodes[0].distances, ElementsAre(10, 17, 22));
  EXPECT_THAT(machine.nodes[1].distances, ElementsAre(16, 10, 32));
  EXPECT_THAT(machine.nodes[2].distances, ElementsAre(21, 31, 10));
}

TEST(hwloc_topology, high_bandwidth_memory_beside_a_nodes_own_has_no_processors) {
  const auto machine =
      read_machine(synthetic_machine("pack:2 [numa(memory=8GB)] [numa(memory=2GB)] core:2 pu:1"));
  EXPECT_THAT(numbers(machine), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(machine.nodes[0].cpus, ElementsAre(0, 1));
  EXPECT_TRUE(machine.nodes[1].memory_only);
  EXPECT_TRUE(machine.nodes[3].memory_only);
  EXPECT_EQ(machine.nodes[3].beside, 2u);
  const auto plan = plan_affinity(machine, pin_mode::never);
  ASSERT_EQ(plan.domains.size(), 2u);
  EXPECT_THAT(plan.domains[0].memory, ElementsAre(0, 1));
  EXPECT_THAT(plan.domains[1].memory, ElementsAre(2, 3));
}

TEST(hwloc_topology, a_node_whose_processors_are_off_does_not_get_those_hwloc_has_it_near_to) {
  auto options = synthetic_machine("pack:2 [numa(memory=8GB)] [numa(memory=2GB)] core:2 pu:1");
  options.cpus_of_nodes = {{0, {}}, {1, {0, 1}}, {2, {2, 3}}, {3, {}}};
  const auto machine = read_machine(options);
  EXPECT_TRUE(machine.nodes[0].memory_only);
  EXPECT_EQ(machine.nodes[0].beside, 1u);
  EXPECT_THAT(machine.nodes[1].cpus, ElementsAre(0, 1));
  EXPECT_THAT(machine.nodes[2].cpus, ElementsAre(2, 3));
  EXPECT_THAT(plan_affinity(machine, pin_mode::never).domains[0].memory, ElementsAre(1, 0));
}

TEST(hwloc_topology, memory_of_a_package_with_several_nodes_goes_to_the_first_of_them) {
  const auto machine =
      read_machine(synthetic_machine("pack:2 [numa(memory=8GB)] group:2 [numa(memory=2GB)] core:2 pu:1"));
  // 0, 1 and 3, 4 are the clusters, 2 and 5 the packages' memory.
  const auto plan = plan_affinity(machine, pin_mode::never);
  ASSERT_EQ(plan.domains.size(), 4u);
  EXPECT_THAT(plan.domains[0].memory, ElementsAre(0, 2));
  EXPECT_THAT(plan.domains[1].memory, ElementsAre(1));
  EXPECT_THAT(plan.domains[2].memory, ElementsAre(3, 5));
}

TEST(hwloc_topology, memory_of_the_whole_machine_is_placed_by_distance) {
  const auto machine =
      read_machine(from_xml({.synthetic = "[numa(memory=4GB)] pack:2 [numa(memory=2GB)] core:1 pu:2",
                             .distances = {{10, 20, 28}, {20, 10, 14}, {28, 14, 10}}}));
  EXPECT_THAT(numbers(machine), ElementsAre(0, 1, 2));
  EXPECT_TRUE(machine.nodes[2].memory_only);
  EXPECT_EQ(machine.nodes[2].beside, std::nullopt);
  EXPECT_THAT(plan_affinity(machine, pin_mode::never).domains[1].memory, ElementsAre(1, 2));
}

TEST(hwloc_topology, nodes_may_be_of_uneven_size) {
  const auto machine = read_machine(
      from_xml({.synthetic = "pack:3 [numa(memory=2GB)] core:4 pu:2", .keep_cpus = "0-7,8-9,16,17,20"}));
  EXPECT_THAT(machine.nodes[0].cpus, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  EXPECT_THAT(machine.nodes[1].cpus, ElementsAre(8, 9));
  EXPECT_THAT(machine.nodes[2].cpus, ElementsAre(16, 17, 20));
  EXPECT_THAT(machine.nodes[2].cores, ElementsAre(16, 20));
  const auto plan = plan_affinity(machine, pin_mode::never, 6);  // 3.69, 0.92 and 1.38
  EXPECT_EQ(plan.domains[0].threads, 4u);
  EXPECT_EQ(plan.domains[1].threads, 1u);
  EXPECT_EQ(plan.domains[2].threads, 1u);
}

TEST(hwloc_topology, forbidden_nodes_are_told_but_make_no_domain) {
  auto options = synthetic_machine("pack:4 [numa(memory=2GB)] core:2 pu:1");
  options.allowed_cpus = {{2, 3, 5}};
  options.allowed_memory_nodes = {{1, 3}};
  const auto machine = read_machine(options);
  EXPECT_THAT(numbers(machine), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(machine.nodes[0].cpus, IsEmpty());
  EXPECT_FALSE(machine.nodes[0].memory_only);
  EXPECT_THAT(machine.nodes[2].cpus, ElementsAre(5));
  EXPECT_FALSE(machine.nodes[2].memory_allowed);
  EXPECT_TRUE(machine.nodes[3].memory_allowed);
  EXPECT_EQ(machine.online_cpus, 8u);
  const auto plan = plan_affinity(machine, pin_mode::never);
  ASSERT_EQ(plan.domains.size(), 2u);
  EXPECT_THAT(plan.domains[0].memory, ElementsAre(1));
  EXPECT_THAT(plan.domains[1].memory, ElementsAre(1));  // its own is forbidden
}

TEST(hwloc_topology, keeps_to_what_hwloc_found_to_be_allowed) {
  const auto machine = read_machine(from_xml(
      {.synthetic = "pack:2 [numa(memory=2GB)] core:2 pu:1", .allowed_cpus = "1-2", .allowed_nodes = "1"}));
  EXPECT_THAT(machine.nodes[0].cpus, ElementsAre(1));
  EXPECT_THAT(machine.nodes[1].cpus, ElementsAre(2));
  EXPECT_FALSE(machine.nodes[0].memory_allowed);
}

TEST(hwloc_topology, keeps_to_the_groups_cpuset_and_tells_its_quota) {
  auto options = synthetic_machine("pack:2 [numa(memory=2GB)] core:2 pu:1");
  options.cgroup = cgroup_facts{.cpu_quota = 0.5,
                                .quota_reason = "the group grants it",
                                .cpus = {{2, 3}},
                                .memory_nodes = {{1}},
                                .exclusive = true,
                                .exclusive_reason = "the group is a partition"};
  const auto machine = read_machine(options);
  EXPECT_THAT(machine.nodes[0].cpus, IsEmpty());
  EXPECT_THAT(machine.nodes[1].cpus, ElementsAre(2, 3));
  EXPECT_FALSE(machine.nodes[0].memory_allowed);
  EXPECT_EQ(machine.cpu_quota, 0.5);
  EXPECT_EQ(machine.quota_reason, "the group grants it");
  EXPECT_TRUE(machine.exclusive);
  const auto plan = plan_affinity(machine, pin_mode::automatic);
  ASSERT_EQ(plan.domains.size(), 1u);
  EXPECT_EQ(plan.domains[0].threads, 1u);
  EXPECT_TRUE(plan.pinned);
  EXPECT_THAT(plan.reason, HasSubstr("the group is a partition"));
}

TEST(hwloc_topology, isolated_processors_are_exclusive_and_unbalanced) {
  auto options = synthetic_machine("pack:2 [numa(memory=2GB)] core:2 pu:1");
  options.cgroup = cgroup_facts{.cpus = {{2, 3}}, .exclusive = true, .unbalanced = true};
  EXPECT_TRUE(read_machine(options).exclusive);
  EXPECT_TRUE(read_machine(options).unbalanced);
  options.cgroup = cgroup_facts{.cpu_quota = 2.0, .cpus = {{2, 3}}};
  EXPECT_FALSE(read_machine(options).exclusive);
  EXPECT_FALSE(read_machine(options).unbalanced);
}

TEST(hwloc_topology, a_cpuset_of_another_machine_restricts_nothing) {
  auto options = synthetic_machine("core:2 pu:1");
  options.cgroup = cgroup_facts{.cpus = {{40, 41}}};
  EXPECT_THAT(read_machine(options).nodes[0].cpus, ElementsAre(0, 1));
}

TEST(hwloc_topology, reads_a_machine_from_a_file) {
  const test::temporary_folder folder;
  folder.write("machine.xml", test::to_xml({.synthetic = "pack:2 [numa] core:2 pu:1"}));
  hwloc_topology_options options;
  options.machine = described_machine{described_machine::form::xml_file, folder / "machine.xml"};
  EXPECT_EQ(read_machine(options).nodes.size(), 2u);
}

TEST(hwloc_topology, refuses_what_describes_no_machine) {
  using form = described_machine::form;
  for (const auto& machine : std::vector<described_machine>{{form::synthetic, "no machine at all"},
                                                            {form::synthetic, ""},
                                                            {form::xml_text, "<topology"},
                                                            {form::xml_text, ""},
                                                            {form::xml_file, "/nowhere/machine.xml"}}) {
    const auto read = hwloc_topology({.machine = machine}).read();
    ASSERT_FALSE(read) << machine.text;
    EXPECT_EQ(read.error().code, errc::invalid_argument) << machine.text;
    EXPECT_FALSE(read.error().context.empty());
  }
}

TEST(hwloc_topology, no_allowed_processor_is_an_error) {
  auto options = synthetic_machine("core:2 pu:1");
  options.allowed_cpus = {{7}};
  EXPECT_EQ(hwloc_topology(options).read().error().code, errc::unsupported);
}

}  // namespace
}  // namespace graphite
