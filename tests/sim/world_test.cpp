#include "sim/world.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace graphite::sim {
namespace {

/// Seeds that others do not take: each finds what the others do not.
constexpr std::uint64_t first_seed = 1, seeds = 40;

TEST(sim, whatever_befalls_a_cluster_its_jobs_end_as_without_faults) {
  std::map<std::string, std::uint64_t> all;
  for (auto seed = first_seed; seed < first_seed + seeds; ++seed) {
    const auto made = world({.seed = seed}).run();
    for (const auto& broken : made.broken) ADD_FAILURE() << "seed " << seed << ": " << broken;
    for (const auto& [what, count] : made.counters) all[what] += count;
  }
  for (const auto& [what, count] : all) fmt::print("{:<40} {}\n", what, count);
  EXPECT_GT(all["faults"], 3 * seeds);
  EXPECT_GT(all["adopted"], 0u);
  EXPECT_GT(all["nodes lost"], 0u);
  EXPECT_GT(all["commits refused"], 0u);
  EXPECT_GT(all["records torn"], 0u);
}

TEST(sim, nodes_links_and_disks_fail_under_a_coordinator_that_stays) {
  for (std::uint64_t seed = 1'000; seed < 1'020; ++seed) {
    const auto made =
        world({.seed = seed, .faults_least = 12, .faults_most = 25, .coordinator_faults = false}).run();
    for (const auto& broken : made.broken) ADD_FAILURE() << "seed " << seed << ": " << broken;
  }
}

TEST(sim, one_seed_is_one_run) {
  const auto once = world({.seed = 7}).run(), again = world({.seed = 7}).run();
  EXPECT_EQ(once.fingerprint, again.fingerprint);
  EXPECT_EQ(once.counters, again.counters);
  EXPECT_NE(once.fingerprint, world({.seed = 8}).run().fingerprint);
}

TEST(sim, without_faults_nothing_is_done_twice) {
  auto made =
      world({.seed = 3, .jobs = 3, .trouble_for = seconds(20), .faults_least = 0, .faults_most = 0}).run();
  EXPECT_EQ(made.broken, std::vector<std::string>{});
  EXPECT_EQ(made.counters.at("jobs ended") + made.counters["jobs cancelled"], 3u);
}

}  // namespace
}  // namespace graphite::sim
