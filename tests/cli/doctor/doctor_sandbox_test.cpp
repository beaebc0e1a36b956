#include <gtest/gtest.h>

#include "cli/doctor/program_checks.hpp"
#include "cli/doctor/sandbox_checks.hpp"
#include "tests/cli/doctor/findings.hpp"

namespace graphite::doctor {
namespace {

using test::finding_of;
using test::says;

sandbox_report free_machine() {
  return {.seccomp_mode = 0,
          .landlock_abi = 4,
          .commands = {{sandbox_tier::namespaces, ""},
                       {sandbox_tier::bubblewrap, "bwrap is not installed"},
                       {sandbox_tier::landlock, ""},
                       {sandbox_tier::limits, ""}}};
}

TEST(doctor_sandbox, a_machine_without_filters_is_ok) {
  for (const auto& one : judge_sandbox(free_machine())) EXPECT_EQ(one.state, finding_state::ok) << one.name;
}

TEST(doctor_sandbox, a_filter_counts_where_it_denies_something) {
  auto report = free_machine();
  report.seccomp_mode = 2;
  EXPECT_EQ(finding_of(judge_sandbox(report), "seccomp").state, finding_state::ok);
  report.denied = {"io_uring", "memory placement"};
  const auto found = finding_of(judge_sandbox(report), "seccomp");
  EXPECT_EQ(found.state, finding_state::note);
  EXPECT_TRUE(says(found.found, "denied: io_uring, memory placement")) << found.found;
  EXPECT_TRUE(says(found.advice, "--security-opt seccomp=")) << found.advice;
}

TEST(doctor_sandbox, what_is_denied_without_a_filter_is_not_the_filters) {
  auto report = free_machine();
  report.denied = {"io_uring"};
  EXPECT_EQ(finding_of(judge_sandbox(report), "seccomp").state, finding_state::ok);
}

TEST(doctor_sandbox, workers_that_cannot_be_shut_in_are_bad) {
  auto report = free_machine();
  report.workers_refused = "no filters here";
  const auto found = finding_of(judge_sandbox(report), "worker_sandbox");
  EXPECT_EQ(found.state, finding_state::bad);
  EXPECT_TRUE(says(found.found, "no filters here")) << found.found;
}

TEST(doctor_sandbox, what_only_tools_want_is_noted) {
  auto report = free_machine();
  report.user_namespaces_refused = "unshare: Operation not permitted";
  report.landlock_abi.reset();
  report.landlock_refused = "there is no such call";
  report.no_new_privs = true;
  const auto all = judge_sandbox(report);
  EXPECT_EQ(finding_of(all, "user_namespaces").state, finding_state::note);
  EXPECT_EQ(finding_of(all, "landlock").state, finding_state::note);
  EXPECT_TRUE(says(finding_of(all, "no_new_privs").found, "setuid"));
}

TEST(doctor_sandbox, tells_which_tier_commands_run_in_and_why_no_stronger_one_works) {
  auto report = free_machine();
  EXPECT_TRUE(says(finding_of(judge_sandbox(report), "command_sandbox").found, "'namespaces'"));
  report.commands[0].refused = "clone: Operation not permitted";
  auto found = finding_of(judge_sandbox(report), "command_sandbox");
  EXPECT_EQ(found.state, finding_state::note);
  for (const auto* part :
       {"'landlock'", "namespaces does not: clone: Operation not permitted", "bwrap is not installed"})
    EXPECT_TRUE(says(found.found, part)) << found.found;
  EXPECT_TRUE(says(found.advice, "install bubblewrap")) << found.advice;
  report.commands[2].refused = "no such call";
  EXPECT_EQ(finding_of(judge_sandbox(report), "command_sandbox").state, finding_state::warning);
}

program_report good_programs() {
  return {.kernel = "6.1.0-18-amd64",
          .architecture = "x86_64",
          .simd = {"scalar", "ssse3", "sse4", "avx2"},
          .worker = "/usr/bin/graphite-worker",
          .worker_there = true,
          .version = "1.0"};
}

TEST(doctor_programs, good_ones_are_ok) {
  for (const auto& one : judge_programs(good_programs())) EXPECT_EQ(one.state, finding_state::ok) << one.name;
  EXPECT_EQ(finding_of(judge_programs(good_programs()), "simd").found, "avx2");
}

TEST(doctor_programs, old_kernels_are_noted_by_what_they_lack) {
  auto report = good_programs();
  report.kernel = "5.13.0-52-generic";
  auto found = finding_of(judge_programs(report), "kernel").found;
  EXPECT_TRUE(says(found, "pools of huge pages")) << found;
  EXPECT_FALSE(says(found, "io_uring")) << found;
  report.kernel = "5.10.0-28-amd64";
  found = finding_of(judge_programs(report), "kernel").found;
  EXPECT_TRUE(says(found, "io_uring")) << found;
  EXPECT_TRUE(says(found, "pools of huge pages")) << found;
  EXPECT_EQ(kernel_version("none"), std::pair(0, 0));
}

TEST(doctor_programs, forced_and_narrow_instructions_are_noted) {
  auto report = good_programs();
  report.forced_simd = "scalar";
  EXPECT_TRUE(says(finding_of(judge_programs(report), "simd").advice, "Unset GRAPHITE_SIMD"));
  report.forced_simd.reset();
  report.simd = {"scalar", "ssse3"};
  EXPECT_EQ(finding_of(judge_programs(report), "simd").state, finding_state::note);
  report.architecture = "aarch64";
  EXPECT_EQ(finding_of(judge_programs(report), "simd").state, finding_state::ok);
}

TEST(doctor_programs, a_worker_that_is_missing_or_fails_is_bad) {
  auto report = good_programs();
  report.worker_refused = "it is of another version";
  auto found = finding_of(judge_programs(report), "worker_program");
  EXPECT_EQ(found.state, finding_state::bad);
  EXPECT_TRUE(says(found.found, "another version")) << found.found;
  report.worker_there = false;
  found = finding_of(judge_programs(report), "worker_program");
  EXPECT_EQ(found.state, finding_state::bad);
  EXPECT_TRUE(says(found.advice, "GRAPHITE_WORKER")) << found.advice;
}

}  // namespace
}  // namespace graphite::doctor
