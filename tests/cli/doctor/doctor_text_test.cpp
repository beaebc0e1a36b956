#include <gtest/gtest.h>

#include <sstream>

#include "cli/doctor/topology_text.hpp"
#include "tests/cli/doctor/machines.hpp"

namespace graphite::doctor {
namespace {

using test::fake_machine;

TEST(doctor_text, one_node_is_drawn_without_distances) {
  auto machine = fake_machine({2});
  machine.nodes[0].distances = {10};
  EXPECT_EQ(topology_text(lay_out(machine, {})),
            "machine  1 package, 1 NUMA node, 2 processors, 2 may be used\n"
            "└─ node 0  1 GiB\n"
            "      [0] [1]\n");
}

TEST(doctor_text, siblings_forbidden_processors_and_memory_nodes_are_shown) {
  EXPECT_EQ(topology_text(test::two_packages()),
            "machine  2 packages, 3 NUMA nodes, 8 processors, 6 may be used\n"
            "├─ node 0  1 GiB, package 0\n"
            "│     [0 4] [1 5]\n"
            "├─ node 1  1 GiB, package 1\n"
            "│     [2 6] [(3) (7)]\n"
            "└─ node 2  64 GiB (may not be used), memory only, beside node 1\n"
            "[a b] one core, (a) may not be used\n"
            "distances    0    1    2\n"
            "        0   10   20   20\n"
            "        1   20   10   20\n"
            "        2   20   20   10\n");
}

TEST(doctor_text, a_node_whose_processors_are_all_forbidden_says_so) {
  auto machine = fake_machine({2, 2});
  machine.nodes[1].cpus.clear();
  EXPECT_NE(topology_text(lay_out(machine, {})).find("none of its processors may be used"),
            std::string::npos);
}

TEST(doctor_text, large_nodes_take_several_rows) {
  std::istringstream lines(topology_text(lay_out(fake_machine({128, 128}), {})));
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) EXPECT_LE(line.size(), 104u) << line;
  EXPECT_GT(count, 12u);
}

TEST(doctor_layout, a_processor_that_may_be_used_is_drawn_though_no_place_is_known) {
  const auto drawn = lay_out(fake_machine({3}), {{.number = 0, .node = 0, .core = 0, .package = 0}});
  EXPECT_EQ(drawn.cores, 3u);
  EXPECT_EQ(drawn.usable, 3u);
  EXPECT_FALSE(drawn.nodes[0].package);
}

}  // namespace
}  // namespace graphite::doctor
