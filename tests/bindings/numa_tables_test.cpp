#include "bindings/c/numa_tables.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_topology.hpp"

namespace graphite {
namespace {

using testing::Each;
using testing::ElementsAre;

/// The tables of a machine, freed with it.
struct tables : graphite_numa_topology {
  explicit tables(const machine_topology& machine) : graphite_numa_topology{} {
    c_api::fill_numa_topology(*this, machine);
  }
  ~tables() { c_api::clear_numa_topology(*this); }
  tables(const tables&) = delete;
  tables& operator=(const tables&) = delete;

  std::vector<std::uint32_t> nodes_of_cpus() const { return {cpu_to_node, cpu_to_node + cpu_count}; }
  std::vector<std::size_t> memory() const { return {node_memory, node_memory + node_count}; }
  std::uint32_t distance(std::uint32_t from, std::uint32_t to) const {
    return node_distance[from * node_count + to];
  }
};

constexpr auto none = GRAPHITE_NO_NODE;

/// Nodes 1 and 4, processors 2, 3 and 8, 9 of them; the last two may not be used, nor node 4's memory.
machine_topology machine_with_gaps() {
  auto out = test::fake_machine({2, 2});
  out.nodes[0].number = 1;
  out.nodes[0].cpus = out.nodes[0].cores = {2, 3};
  out.nodes[1].number = 4;
  out.nodes[1].cpus = out.nodes[1].cores = {};
  out.nodes[1].memory_allowed = false;
  out.last_cpu = 9;
  return out;
}

TEST(numa_tables, of_a_machine_without_gaps_have_all_of_it) {
  const tables all(test::fake_machine({2, 1}));
  EXPECT_THAT(all.nodes_of_cpus(), ElementsAre(0, 0, 1));
  EXPECT_EQ(all.usable_cpus, 3u);
  EXPECT_THAT(all.memory(), Each(std::size_t{1} << 30));
  EXPECT_EQ(all.distance(0, 1), 20u);
  EXPECT_EQ(all.distance(1, 1), 10u);
  EXPECT_STREQ(all.reason, "a made-up machine is shared");
}

TEST(numa_tables, reach_to_the_largest_processor_though_it_is_forbidden) {
  const tables all(machine_with_gaps());
  EXPECT_EQ(all.cpu_count, 10u);
  EXPECT_THAT(all.nodes_of_cpus(), ElementsAre(none, none, 1, 1, none, none, none, none, none, none));
  EXPECT_EQ(all.usable_cpus, 2u);
}

TEST(numa_tables, reach_to_the_largest_node_though_it_is_forbidden) {
  const tables all(machine_with_gaps());
  EXPECT_EQ(all.node_count, 5u);
  EXPECT_THAT(all.memory(), ElementsAre(0, std::size_t{1} << 30, 0, 0, 0));
  EXPECT_EQ(all.distance(1, 4), 20u);
  EXPECT_EQ(all.distance(4, 4), 10u);
  EXPECT_EQ(all.distance(0, 4), 0u);
}

TEST(numa_tables, reach_to_the_largest_usable_processor_where_the_others_are_unknown) {
  auto machine = machine_with_gaps();
  machine.last_cpu = -1;
  EXPECT_EQ(tables(machine).cpu_count, 4u);
}

TEST(numa_tables, are_all_zeros_once_they_are_cleared) {
  graphite_numa_topology topology{};
  c_api::clear_numa_topology(topology);
  c_api::fill_numa_topology(topology, machine_with_gaps());
  c_api::clear_numa_topology(topology);
  EXPECT_EQ(topology.cpu_to_node, nullptr);
  EXPECT_EQ(topology.owner_, nullptr);
  EXPECT_EQ(topology.cpu_count, 0u);
}

}  // namespace
}  // namespace graphite
