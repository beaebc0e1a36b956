#include <gtest/gtest.h>

#include "cli/doctor/processor_checks.hpp"
#include "tests/cli/doctor/findings.hpp"
#include "tests/support/fake_topology.hpp"

namespace graphite::doctor {
namespace {

using test::fake_machine;
using test::finding_of;
using test::says;

processor_report report_of(machine_topology machine, pin_mode pinning = pin_mode::automatic) {
  processor_report out{.pinning = pinning};
  out.plan.topology = std::move(machine);
  out.plan.affinity = plan_affinity(out.plan.topology, pinning);
  return out;
}

TEST(doctor_processors, a_whole_machine_of_one_node_is_ok) {
  for (const auto& one : judge_processors(report_of(fake_machine({4})))) {
    EXPECT_EQ(one.state, finding_state::ok) << one.name << ": " << one.found;
    EXPECT_EQ(one.advice, "") << one.name;
  }
}

TEST(doctor_processors, processors_that_may_not_be_used_are_noted) {
  auto machine = fake_machine({4});
  machine.online_cpus = 8;
  const auto found = finding_of(judge_processors(report_of(machine)), "processors");
  EXPECT_EQ(found.state, finding_state::note);
  EXPECT_EQ(found.found, "4 of 8 processors may be used (0-3)");
  EXPECT_TRUE(says(found.advice, "--cpuset-cpus")) << found.advice;
}

TEST(doctor_processors, an_unknown_topology_is_a_warning) {
  auto report = report_of(fake_machine({4}));
  report.plan.warning = "the machine is taken as one domain: no sysfs";
  const auto found = finding_of(judge_processors(report), "processors");
  EXPECT_EQ(found.state, finding_state::warning);
  EXPECT_TRUE(says(found.found, "no sysfs")) << found.found;
}

TEST(doctor_processors, a_machine_without_sysfs_is_a_warning) {
  auto report = report_of(fake_machine({4}));
  report.sysfs = false;
  const auto found = finding_of(judge_processors(report), "processors");
  EXPECT_EQ(found.state, finding_state::warning);
  EXPECT_TRUE(says(found.advice, "mount sysfs")) << found.advice;
}

finding quota_of(double quota) {
  auto machine = fake_machine({4});
  machine.cpu_quota = quota;
  machine.quota_reason = "/group grants it";
  return finding_of(judge_processors(report_of(machine)), "processor_quota");
}

TEST(doctor_processors, half_a_processor_is_a_warning) {
  const auto found = quota_of(0.5);
  EXPECT_EQ(found.state, finding_state::warning);
  EXPECT_TRUE(says(found.advice, "docker run --cpus")) << found.advice;
}

TEST(doctor_processors, a_quota_below_the_processors_is_noted_with_its_threads) {
  const auto found = quota_of(2.5);
  EXPECT_EQ(found.state, finding_state::note);
  EXPECT_TRUE(says(found.found, "2 actions at once run, on 4 processors")) << found.found;
}

TEST(doctor_processors, a_quota_of_all_processors_is_ok) {
  EXPECT_EQ(quota_of(4).state, finding_state::ok);
  EXPECT_EQ(quota_of(8).state, finding_state::ok);
}

TEST(doctor_processors, unbound_threads_matter_where_there_are_domains) {
  EXPECT_EQ(finding_of(judge_processors(report_of(fake_machine({2, 2}))), "pinning").state,
            finding_state::note);
  EXPECT_EQ(finding_of(judge_processors(report_of(fake_machine({4, 0}))), "pinning").state,
            finding_state::ok);
  auto own = fake_machine({2, 2});
  own.exclusive = true;
  EXPECT_EQ(finding_of(judge_processors(report_of(own)), "pinning").state, finding_state::ok);
}

TEST(doctor_processors, binding_to_shared_processors_is_noted) {
  const auto found =
      finding_of(judge_processors(report_of(fake_machine({2, 2}), pin_mode::always)), "pinning");
  EXPECT_EQ(found.state, finding_state::note);
  EXPECT_TRUE(says(found.found, "--pin on")) << found.found;
}

TEST(doctor_processors, refused_placement_matters_where_there_are_nodes) {
  for (const auto& [cpus, state] : std::vector<std::pair<std::vector<int>, finding_state>>{
           {{4}, finding_state::ok}, {{4, 0}, finding_state::warning}, {{2, 2}, finding_state::warning}}) {
    auto report = report_of(fake_machine(cpus));
    report.plan.placement_reason = "mbind is forbidden";
    const auto found = finding_of(judge_processors(report), "memory_placement");
    EXPECT_EQ(found.state, state);
    EXPECT_TRUE(says(found.found, "mbind is forbidden")) << found.found;
    EXPECT_EQ(says(found.advice, "--cap-add SYS_NICE"), state != finding_state::ok) << found.advice;
  }
}

TEST(doctor_processors, the_source_of_remote_accesses_is_told) {
  auto report = report_of(fake_machine({2, 2}));
  report.remote = {.ratio = 0.1, .source = "the processor's counters", .reason = ""};
  EXPECT_EQ(finding_of(judge_processors(report), "remote_access").state, finding_state::ok);
  report.remote = {.ratio = {}, .source = "allocated pages", .reason = "no counters"};
  auto found = finding_of(judge_processors(report), "remote_access");
  EXPECT_EQ(found.state, finding_state::note);
  EXPECT_EQ(found.found, "only allocated pages: no counters");
  report.remote = {.ratio = {}, .source = "", .reason = "nothing"};
  found = finding_of(judge_processors(report), "remote_access");
  EXPECT_EQ(found.found, "cannot be measured: nothing");
}

}  // namespace
}  // namespace graphite::doctor
