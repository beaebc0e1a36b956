#include "tests/numa/recorded_machines.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/affinity.hpp"
#include "platform/numa/cgroup_limits.hpp"
#include "tests/numa/machines.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

using test::recorded_machine;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint64_t gibibytes = std::uint64_t{1} << 30;

machine_topology read_recorded(const hwloc_topology_options& options) {
  auto out = hwloc_topology(options).read();
  EXPECT_TRUE(out) << out.error().context;
  return out.value_or(machine_topology{.nodes = std::vector<numa_node>(5)});
}

/// What a control group with half a processor and this cpuset says, read from made-up files of the kernel.
cgroup_facts half_a_processor(const std::string& cpus, const std::string& memory_nodes) {
  const test::temporary_folder folder(test::temporary_folder::quick_base());
  folder.write("proc/self/cgroup", "0::/build\n");
  folder.write("proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  folder.write("sys/fs/cgroup/build/cpu.max", "50000 100000\n");
  folder.write("sys/fs/cgroup/build/cpuset.cpus.effective", cpus + "\n");
  folder.write("sys/fs/cgroup/build/cpuset.mems.effective", memory_nodes + "\n");
  return read_cgroup_facts(folder.path());
}

TEST(recorded_machines, a_virtual_machine_is_one_node) {
  const auto machine = read_recorded(recorded_machine(test::virtual_machine));
  ASSERT_EQ(machine.nodes.size(), 1u);
  EXPECT_EQ(machine.nodes[0].number, 0u);
  EXPECT_THAT(machine.nodes[0].cpus, ElementsAre(0, 1));
  EXPECT_THAT(machine.nodes[0].cores, ElementsAre(0, 1));
  EXPECT_EQ(machine.nodes[0].memory_bytes, 25'276'514'304u);
  EXPECT_THAT(machine.nodes[0].distances, IsEmpty());
  EXPECT_EQ(machine.packages, 1u);
  EXPECT_EQ(machine.last_cpu, 1);
}

TEST(recorded_machines, half_a_processor_of_a_virtual_machine_is_a_thread) {
  auto options = recorded_machine(test::virtual_machine);
  options.cgroup = half_a_processor("1", "0");
  const auto machine = read_recorded(options);
  EXPECT_THAT(machine.nodes[0].cpus, ElementsAre(1));
  EXPECT_EQ(machine.online_cpus, 2u);
  EXPECT_EQ(machine.cpu_quota, 0.5);
  const auto plan = plan_affinity(machine, pin_mode::automatic);
  ASSERT_EQ(plan.domains.size(), 1u);
  EXPECT_EQ(plan.domains[0].threads, 1u);
  EXPECT_FALSE(plan.pinned);
}

/// Two sockets of two nodes each, and a node of memory only; their places in the list.
class clusters : public testing::Test {
 protected:
  static constexpr std::size_t socket_0_first = 0, socket_0_second = 1, socket_1_first = 2,
                               socket_1_second = 3, memory_only = 4;

  hwloc_topology_options options_ = recorded_machine(test::two_sockets_of_clusters);
};

TEST_F(clusters, have_numbers_with_gaps) {
  const auto machine = read_recorded(options_);
  ASSERT_EQ(machine.nodes.size(), 5u);
  std::vector<unsigned> numbers;
  for (const auto& node : machine.nodes) numbers.push_back(node.number);
  EXPECT_THAT(numbers, ElementsAre(0, 1, 4, 5, 8));
  EXPECT_EQ(machine.packages, 2u);
  EXPECT_EQ(machine.online_cpus, 22u);
  EXPECT_EQ(machine.last_cpu, 29);
  EXPECT_THAT(machine.nodes[socket_0_first].cpus, ElementsAre(0, 1, 2, 16, 17, 18));
  EXPECT_THAT(machine.nodes[socket_0_second].cpus, ElementsAre(4, 5, 6, 20, 21, 22));
  EXPECT_THAT(machine.nodes[socket_1_first].cpus, ElementsAre(8, 9, 10, 24, 25, 26));
  EXPECT_THAT(machine.nodes[socket_1_second].cpus, ElementsAre(12, 13, 28, 29));
  EXPECT_THAT(machine.nodes[socket_1_second].cores, ElementsAre(12, 13));
  EXPECT_EQ(machine.nodes[socket_1_second].memory_bytes, 32 * gibibytes);
}

TEST_F(clusters, have_memory_beside_a_socket_that_is_none_of_its_nodes) {
  const auto machine = read_recorded(options_);
  ASSERT_EQ(machine.nodes.size(), 5u);
  const auto& memory = machine.nodes[memory_only];
  EXPECT_TRUE(memory.memory_only);
  EXPECT_THAT(memory.cpus, IsEmpty());
  EXPECT_EQ(memory.beside, 4u);
  EXPECT_EQ(memory.memory_bytes, 128 * gibibytes);
  EXPECT_THAT(memory.distances, ElementsAre(28, 28, 17, 17, 10));
  EXPECT_THAT(machine.nodes[socket_0_second].distances, ElementsAre(12, 10, 22, 20, 28));
}

TEST_F(clusters, are_a_domain_each) {
  const auto plan = plan_affinity(read_recorded(options_), pin_mode::never);
  ASSERT_EQ(plan.domains.size(), 4u);
  EXPECT_EQ(plan.domains[2].node, 4u);
  EXPECT_EQ(plan.domains[2].threads, 6u);
  EXPECT_EQ(plan.domains[3].threads, 4u);
  EXPECT_THAT(plan.domains[0].memory, ElementsAre(0));
  EXPECT_THAT(plan.domains[2].memory, ElementsAre(4, 8));
  EXPECT_THAT(plan.domains[3].memory, ElementsAre(5));
}

/// Some processors of all nodes, of two of which memory may not be had.
void expect_restricted(const machine_topology& machine) {
  ASSERT_EQ(machine.nodes.size(), 5u);
  EXPECT_THAT(machine.nodes[0].cpus, ElementsAre(1, 2, 18));
  EXPECT_THAT(machine.nodes[0].cores, ElementsAre(1, 2));
  EXPECT_THAT(machine.nodes[1].cpus, ElementsAre(5, 6, 21));
  EXPECT_THAT(machine.nodes[2].cpus, ElementsAre(24));
  EXPECT_THAT(machine.nodes[2].cores, ElementsAre(24));
  EXPECT_THAT(machine.nodes[3].cpus, ElementsAre(28));
  EXPECT_TRUE(machine.nodes[0].memory_allowed);
  EXPECT_FALSE(machine.nodes[1].memory_allowed);
  EXPECT_TRUE(machine.nodes[4].memory_allowed);
  EXPECT_EQ(machine.online_cpus, 22u);
  EXPECT_EQ(machine.last_cpu, 29);
  const auto plan = plan_affinity(machine, pin_mode::never);
  ASSERT_EQ(plan.domains.size(), 4u);
  EXPECT_THAT(plan.domains[0].memory, ElementsAre(0));
  EXPECT_THAT(plan.domains[1].memory, ElementsAre(0));  // its own is forbidden: 0 is nearer than 8
  EXPECT_THAT(plan.domains[2].memory, ElementsAre(8));
  EXPECT_THAT(plan.domains[3].memory, ElementsAre(8));
}

/// As hwloc writes it within a cpuset of 1-2,5-6,18,21,24,28 and nodes 0,8.
TEST_F(clusters, recorded_within_a_cpuset_keep_to_it) {
  auto& text = options_.machine->text;
  for (const auto& [all, some] :
       {std::pair(R"(allowed_cpuset="0x37773777")", R"(allowed_cpuset="0x11240066")"),
        std::pair(R"(allowed_nodeset="0x00000133")", R"(allowed_nodeset="0x00000101")")}) {
    const auto at = text.find(all);
    ASSERT_NE(at, std::string::npos) << all;
    text.replace(at, std::string_view(all).size(), some);
  }
  expect_restricted(read_recorded(options_));
}

TEST_F(clusters, keep_to_the_groups_cpuset) {
  options_.cgroup = half_a_processor("1-2,5-6,18,21,24,28", "0,8");
  expect_restricted(read_recorded(options_));
}

TEST_F(clusters, keep_to_the_affinity_mask_within_the_groups_cpuset) {
  options_.cgroup = half_a_processor("1-2,5-6,18,21,24,28-29", "0,8");
  options_.allowed_cpus = {{0, 1, 2, 4, 5, 6, 18, 20, 21, 24, 28}};
  options_.allowed_memory_nodes = {{0, 4, 8}};
  expect_restricted(read_recorded(options_));
}

TEST_F(clusters, with_half_a_processor_have_a_thread_a_domain) {
  options_.cgroup = half_a_processor("1-2,5-6,18,21,24,28", "0,8");
  const auto machine = read_recorded(options_);
  EXPECT_EQ(machine.cpu_quota, 0.5);
  EXPECT_THAT(machine.quota_reason, HasSubstr("/sys/fs/cgroup/build grants 0.50"));
  for (const auto& domain : plan_affinity(machine, pin_mode::automatic).domains)
    EXPECT_EQ(domain.threads, 1u);
  options_.cgroup = half_a_processor("24-26", "4,8");
  const auto plan = plan_affinity(read_recorded(options_), pin_mode::automatic);
  ASSERT_EQ(plan.domains.size(), 1u);
  EXPECT_EQ(plan.domains[0].node, 4u);
  EXPECT_EQ(plan.domains[0].threads, 1u);
  EXPECT_THAT(plan.domains[0].memory, ElementsAre(4, 8));
  EXPECT_FALSE(plan.pinned);
}

}  // namespace
}  // namespace graphite
