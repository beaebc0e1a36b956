#include <gtest/gtest.h>

#include "cli/doctor/clock_checks.hpp"
#include "cli/doctor/limit_checks.hpp"
#include "core/units.hpp"
#include "tests/cli/doctor/findings.hpp"

namespace graphite::doctor {
namespace {

using test::finding_of;
using test::says;

finding_state open_files_state(std::optional<std::uint64_t> soft, std::optional<std::uint64_t> hard) {
  return finding_of(judge_limits({.open_files = {soft, hard}}), "open_files").state;
}

TEST(doctor_limits, the_hard_limit_of_open_files_counts) {
  EXPECT_EQ(open_files_state(64, std::nullopt), finding_state::ok);
  EXPECT_EQ(open_files_state(1024, 1'048'576), finding_state::ok);
  EXPECT_EQ(open_files_state(1024, 1024), finding_state::warning);
  EXPECT_EQ(open_files_state(64, 320), finding_state::warning);
  EXPECT_EQ(open_files_state(64, 319), finding_state::bad);
}

TEST(doctor_limits, few_processes_are_a_warning_for_whom_they_hold) {
  limit_report report{.processes = {100, 100}};
  EXPECT_EQ(finding_of(judge_limits(report), "processes").state, finding_state::warning);
  report.processes_unlimited = true;
  EXPECT_EQ(finding_of(judge_limits(report), "processes").state, finding_state::ok);
}

TEST(doctor_limits, a_group_that_is_nearly_full_is_a_warning) {
  limit_report report{.tasks = {.most = 512, .used = 100, .group = "/g"}};
  EXPECT_EQ(finding_of(judge_limits(report), "processes").state, finding_state::ok);
  report.tasks.used = 400;
  const auto found = finding_of(judge_limits(report), "processes");
  EXPECT_EQ(found.state, finding_state::warning);
  EXPECT_TRUE(says(found.advice, "--pids-limit")) << found.advice;
}

TEST(doctor_limits, core_files_are_told) {
  limit_report report{.core = {0, 0}, .core_pattern = "core"};
  EXPECT_TRUE(says(finding_of(judge_limits(report), "core_files").found, "none"));
  report.core.soft = std::nullopt;
  EXPECT_EQ(finding_of(judge_limits(report), "core_files").found, "up to any size, as core");
}

clock_report good_clock() {
  return {.source = "tsc",
          .available = {"tsc", "hpet", "acpi_pm"},
          .resolution = std::chrono::nanoseconds(1),
          .synchronised = true,
          .error_max = std::chrono::microseconds(12'000)};
}

TEST(doctor_clocks, fast_sources_are_ok) {
  auto report = good_clock();
  for (const auto* source : {"tsc", "kvm-clock", "arch_sys_counter"}) {
    report.source = source;
    for (const auto& one : judge_clocks(report)) EXPECT_EQ(one.state, finding_state::ok) << one.name;
  }
}

TEST(doctor_clocks, slow_sources_are_a_warning_with_the_faster_one) {
  auto report = good_clock();
  report.source = "hpet";
  auto found = finding_of(judge_clocks(report), "clock_source");
  EXPECT_EQ(found.state, finding_state::warning);
  EXPECT_TRUE(says(found.advice, "echo tsc >")) << found.advice;
  report.available = {"hpet", "acpi_pm"};
  found = finding_of(judge_clocks(report), "clock_source");
  EXPECT_TRUE(says(found.advice, "tsc=reliable")) << found.advice;
}

TEST(doctor_clocks, coarse_clocks_are_a_warning) {
  auto report = good_clock();
  report.resolution = std::chrono::milliseconds(4);
  EXPECT_EQ(finding_of(judge_clocks(report), "clock_resolution").state, finding_state::warning);
}

TEST(doctor_clocks, clocks_that_nobody_sets_are_noted) {
  auto report = good_clock();
  report.synchronised = false;
  EXPECT_EQ(finding_of(judge_clocks(report), "clock_synchronised").state, finding_state::note);
  report.synchronised = std::nullopt;
  EXPECT_TRUE(says(finding_of(judge_clocks(report), "clock_synchronised").found, "refused"));
}

}  // namespace
}  // namespace graphite::doctor
