#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/machine.hpp"
#include "platform/linux/cpu_set.hpp"
#include "tests/support/fake_placement.hpp"
#include "tests/support/fake_topology.hpp"

namespace graphite {
namespace {

using testing::HasSubstr;

TEST(machine_plan, is_of_what_the_topology_tells) {
  const test::fake_topology source(test::fake_machine({6, 2}));
  const auto plan = make_machine_plan(source, test::fake_placement(), pin_mode::automatic, 4);
  EXPECT_EQ(plan.warning, "");
  EXPECT_EQ(plan.placement_reason, "");
  ASSERT_EQ(plan.affinity.domains.size(), 2u);
  EXPECT_EQ(plan.affinity.domains[0].threads, 3u);
  EXPECT_FALSE(plan.affinity.pinned);
  EXPECT_EQ(plan.topology.online_cpus, 8u);
}

TEST(machine_plan, takes_an_unknown_machine_as_one_domain_and_warns) {
  test::fake_topology source(test::fake_machine({6, 2}));
  source.set_failure(error{errc::unsupported, "nothing is told"});
  test::fake_placement placement;
  placement.options().refused = "told to refuse";
  const auto plan = make_machine_plan(source, placement, pin_mode::automatic, 3);
  EXPECT_THAT(plan.warning, HasSubstr("nothing is told"));
  EXPECT_EQ(plan.placement_reason, "told to refuse");
  ASSERT_EQ(plan.affinity.domains.size(), 1u);
  EXPECT_EQ(plan.affinity.domains[0].threads, 3u);
  EXPECT_EQ(plan.affinity.domains[0].cpus, *allowed_cpus());
  EXPECT_EQ(plan.affinity.domains[0].memory, std::vector{0u});
  EXPECT_FALSE(plan.affinity.pinned);
}

TEST(machine_plan, of_this_machine_has_threads_on_every_domain) {
  const auto plan = make_machine_plan(pin_mode::automatic, 0);
  EXPECT_EQ(plan.warning, "");
  ASSERT_FALSE(plan.affinity.domains.empty());
  for (const auto& domain : plan.affinity.domains) EXPECT_GE(domain.threads, 1u);
}

}  // namespace
}  // namespace graphite
