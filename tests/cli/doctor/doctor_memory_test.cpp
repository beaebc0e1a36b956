#include <gtest/gtest.h>

#include "cli/doctor/async_io_checks.hpp"
#include "cli/doctor/memory_checks.hpp"
#include "core/units.hpp"
#include "tests/cli/doctor/findings.hpp"

namespace graphite::doctor {
namespace {

using test::finding_of;
using test::says;

memory_report good_memory() {
  memory_report out{.threads = 4};
  out.facts.page_bytes = 4 * KiB;
  out.facts.cache_line_bytes = 64;
  out.facts.pools = {{.page_bytes = 2 * MiB, .total = 64, .free = 64}};
  out.facts.transparent = transparent_mode::madvise;
  out.facts.transparent_bytes = 2 * MiB;
  return out;
}

TEST(doctor_memory, a_good_machine_is_ok) {
  for (const auto& one : judge_memory(good_memory())) EXPECT_EQ(one.state, finding_state::ok) << one.name;
  EXPECT_EQ(finding_of(judge_memory(good_memory()), "page_size").found, "4 KiB");
}

TEST(doctor_memory, pools_that_have_nothing_are_noted) {
  auto report = good_memory();
  report.facts.pools[0].free = 0;
  auto found = finding_of(judge_memory(report), "huge_pages");
  EXPECT_EQ(found.state, finding_state::note);
  EXPECT_TRUE(says(found.found, "all are taken")) << found.found;
  report.facts.pools[0].total = 0;
  found = finding_of(judge_memory(report), "huge_pages");
  EXPECT_TRUE(says(found.found, "none are set aside")) << found.found;
  EXPECT_TRUE(says(found.advice, "vm.nr_hugepages")) << found.advice;
  report.facts.pools.clear();
  EXPECT_EQ(finding_of(judge_memory(report), "huge_pages").state, finding_state::note);
}

TEST(doctor_memory, transparent_huge_pages_never_is_a_warning) {
  auto report = good_memory();
  report.facts.transparent = transparent_mode::never;
  const auto found = finding_of(judge_memory(report), "transparent_huge_pages");
  EXPECT_EQ(found.state, finding_state::warning);
  EXPECT_TRUE(says(found.advice, "echo madvise >")) << found.advice;
  report.facts.transparent = transparent_mode::absent;
  EXPECT_EQ(finding_of(judge_memory(report), "transparent_huge_pages").state, finding_state::note);
}

TEST(doctor_memory, the_limit_is_held_against_the_actions) {
  auto report = good_memory();
  report.limit = {.most = 8 * GiB, .used = 1 * GiB, .group = "/g"};
  EXPECT_EQ(finding_of(judge_memory(report), "memory_limit").state, finding_state::ok);
  report.threads = 64;
  auto found = finding_of(judge_memory(report), "memory_limit");
  EXPECT_EQ(found.state, finding_state::note);
  EXPECT_TRUE(says(found.advice, "--jobs 32")) << found.advice;
  report.limit.most = 512 * MiB;
  found = finding_of(judge_memory(report), "memory_limit");
  EXPECT_EQ(found.state, finding_state::warning);
  EXPECT_TRUE(says(found.found, "1 GiB of 512 MiB in use (/g)")) << found.found;
}

TEST(doctor_async_io, a_refused_io_uring_is_noted_with_what_forbids_it) {
  async_io_report report{.refused = "io_uring is forbidden here"};
  report.filtered = true;
  auto found = finding_of(judge_async_io(report), "io_uring");
  EXPECT_EQ(found.state, finding_state::note);
  EXPECT_TRUE(says(found.advice, "io_uring_setup")) << found.advice;
  report.disabled = 2;  // of both the sysctl is what no profile changes
  found = finding_of(judge_async_io(report), "io_uring");
  EXPECT_TRUE(says(found.advice, "kernel.io_uring_disabled=0")) << found.advice;
  report.disabled = 1;
  found = finding_of(judge_async_io(report), "io_uring");
  EXPECT_TRUE(says(found.advice, "kernel.io_uring_group")) << found.advice;
  EXPECT_EQ(finding_of(judge_async_io(report), "locked_memory").state, finding_state::ok);
}

TEST(doctor_async_io, an_old_kernel_is_told_of_the_least_that_does) {
  const async_io_report report{.refused = "this kernel has none"};
  const auto found = finding_of(judge_async_io(report), "io_uring");
  EXPECT_TRUE(says(found.advice, "Linux 5.13 or newer")) << found.advice;
}

TEST(doctor_async_io, too_little_locked_memory_is_noted) {
  async_io_report report{.announced_bytes = 8 * MiB, .announce_refused = "too much"};
  report.locked.soft = 64 * KiB;
  const auto found = finding_of(judge_async_io(report), "locked_memory");
  EXPECT_EQ(found.state, finding_state::note);
  EXPECT_TRUE(says(found.found, "64 KiB; with 8 MiB too much")) << found.found;
  EXPECT_TRUE(says(found.advice, "--ulimit memlock")) << found.advice;
  report.announce_refused.clear();
  EXPECT_EQ(finding_of(judge_async_io(report), "locked_memory").state, finding_state::ok);
}

}  // namespace
}  // namespace graphite::doctor
