#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <memory>
#include <set>

#include "core/affinity.hpp"
#include "tests/numa/machines.hpp"
#include "tests/numa/recorded_machines.hpp"
#include "tests/support/fake_topology.hpp"

/// \file What every topology_source keeps to.

namespace graphite {
namespace {

struct topology_case {
  std::string name;
  std::function<std::unique_ptr<topology_source>()> make;
};

class topology_contract : public testing::TestWithParam<topology_case> {
 protected:
  std::unique_ptr<topology_source> source_ = GetParam().make();
};

TEST_P(topology_contract, nodes_are_ascending_and_one_has_processors) {
  const auto machine = *source_->read();
  ASSERT_FALSE(machine.nodes.empty());
  std::size_t with_processors = 0;
  for (std::size_t i = 0; i < machine.nodes.size(); ++i) {
    if (i > 0) {
      EXPECT_LT(machine.nodes[i - 1].number, machine.nodes[i].number);
    }
    with_processors += !machine.nodes[i].cpus.empty();
  }
  EXPECT_GE(with_processors, 1u);
}

TEST_P(topology_contract, a_processor_belongs_to_one_node) {
  const auto machine = *source_->read();
  std::set<int> seen;
  for (const auto& node : machine.nodes) {
    EXPECT_TRUE(std::is_sorted(node.cpus.begin(), node.cpus.end()));
    for (const int cpu : node.cpus) EXPECT_TRUE(seen.insert(cpu).second) << cpu;
    if (node.memory_only) {
      EXPECT_TRUE(node.cpus.empty());
    }
  }
  EXPECT_LE(seen.size(), machine.online_cpus);
}

TEST_P(topology_contract, cores_are_processors_of_the_node) {
  const auto machine = *source_->read();
  for (const auto& node : machine.nodes) {
    EXPECT_TRUE(std::is_sorted(node.cores.begin(), node.cores.end()));
    EXPECT_TRUE(std::includes(node.cpus.begin(), node.cpus.end(), node.cores.begin(), node.cores.end()));
    EXPECT_EQ(node.cores.empty(), node.cpus.empty());
  }
}

TEST_P(topology_contract, distances_are_to_all_nodes_or_unknown) {
  const auto machine = *source_->read();
  for (std::size_t i = 0; i < machine.nodes.size(); ++i) {
    const auto& row = machine.nodes[i].distances;
    if (row.empty()) continue;
    ASSERT_EQ(row.size(), machine.nodes.size());
    EXPECT_EQ(*std::min_element(row.begin(), row.end()), row[i]);
  }
}

TEST_P(topology_contract, says_why_processors_are_exclusive_or_not) {
  const auto machine = *source_->read();
  EXPECT_FALSE(machine.exclusive_reason.empty());
  EXPECT_GE(machine.packages, 1u);
  if (machine.cpu_quota) {
    EXPECT_GT(*machine.cpu_quota, 0);
  }
}

TEST_P(topology_contract, tells_many_threads_the_same) {
  std::vector<std::future<std::size_t>> counts;
  for (int i = 0; i < 4; ++i)
    counts.push_back(std::async(std::launch::async, [&] { return source_->read()->nodes.size(); }));
  const auto expected = source_->read()->nodes.size();
  for (auto& count : counts) EXPECT_EQ(count.get(), expected);
}

TEST_P(topology_contract, gives_a_plan_that_loses_no_processor) {
  const auto machine = *source_->read();
  const auto plan = plan_affinity(machine, pin_mode::automatic);
  std::size_t planned = 0, usable = 0;
  for (const auto& domain : plan.domains) planned += domain.cpus.size();
  for (const auto& node : machine.nodes) usable += node.cpus.size();
  EXPECT_EQ(planned, usable);
  EXPECT_FALSE(plan.reason.empty());
}

topology_case described(std::string name, hwloc_topology_options options) {
  return {std::move(name),
          [options = std::move(options)] { return std::make_unique<hwloc_topology>(options); }};
}

std::vector<topology_case> all_sources() {
  using namespace test;
  std::vector<topology_case> out{
      described("system", {}),
      {"fake",
       [] {
         return std::make_unique<test::fake_topology>(test::fake_machine({4, 2, 0}));
       }},
      described("no_numa", synthetic_machine("core:4 pu:1")),
      described("sub_numa_clusters", synthetic_machine("pack:2 group:2 [numa(memory=2GB)] core:2 pu:2")),
      described("memory_only", synthetic_machine("pack:2 [numa(memory=8GB)] [numa(memory=2GB)] core:2 pu:1")),
      described("xml", from_xml({.synthetic = "pack:2 [numa(memory=2GB)] core:2 pu:2",
                                 .distances = {{10, 21}, {21, 10}}})),
      described("asymmetric", from_xml({.synthetic = "pack:3 [numa(memory=2GB)] core:4 pu:2",
                                        .keep_cpus = "0-7,8-9,16,17,20"})),
      described("recorded_vm", recorded_machine(virtual_machine)),
      described("recorded_clusters", recorded_machine(two_sockets_of_clusters))};
  for (int nodes = 1; nodes <= 8; ++nodes) {
    const auto text = "pack:" + std::to_string(nodes) + " [numa(memory=2GB)] core:3 pu:2";
    out.push_back(described("nodes_" + std::to_string(nodes), synthetic_machine(text)));
  }
  return out;
}

INSTANTIATE_TEST_SUITE_P(sources, topology_contract, testing::ValuesIn(all_sources()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace graphite
