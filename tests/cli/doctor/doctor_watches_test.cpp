#include <gtest/gtest.h>

#include "cli/doctor/watch_checks.hpp"
#include "tests/cli/doctor/findings.hpp"

namespace graphite::doctor {
namespace {

using test::finding_of;
using test::says;

watch_report plenty() { return {.watches_max = 524'288, .instances_max = 1024, .queued_max = 16'384}; }

TEST(doctor_watches, plenty_is_ok) {
  for (const auto& one : judge_watches(plenty())) EXPECT_EQ(one.state, finding_state::ok) << one.name;
}

TEST(doctor_watches, fewer_watches_than_folders_are_a_warning_with_the_setting) {
  auto report = plenty();
  report.watches_max = 8192;
  report.project_folders = 8000;
  EXPECT_EQ(finding_of(judge_watches(report), "inotify_watches").state, finding_state::ok);
  report.watches_used = 200;
  const auto found = finding_of(judge_watches(report), "inotify_watches");
  EXPECT_EQ(found.state, finding_state::warning);
  EXPECT_TRUE(says(found.advice, "`sysctl -w fs.inotify.max_user_watches=524288`")) << found.advice;
}

TEST(doctor_watches, what_is_advised_leaves_room) {
  EXPECT_EQ(advised_watches(0), 524'288u);
  EXPECT_EQ(advised_watches(300'000), 1'048'576u);
}

TEST(doctor_watches, a_small_limit_is_noted_where_no_project_is_known) {
  auto report = plenty();
  report.watches_max = 8192;
  EXPECT_EQ(finding_of(judge_watches(report), "inotify_watches").state, finding_state::note);
}

TEST(doctor_watches, none_left_is_a_warning_whatever_the_numbers_say) {
  auto report = plenty();
  report.watch_refused = "No space left on device";
  EXPECT_EQ(finding_of(judge_watches(report), "inotify_watches").state, finding_state::warning);
  report = plenty();
  report.instance_refused = "Too many open files";
  EXPECT_EQ(finding_of(judge_watches(report), "inotify_instances").state, finding_state::warning);
}

TEST(doctor_watches, few_instances_and_a_short_queue_are_noted) {
  auto report = plenty();
  report.instances_max = 16;
  report.queued_max = 1024;
  EXPECT_EQ(finding_of(judge_watches(report), "inotify_instances").state, finding_state::note);
  EXPECT_EQ(finding_of(judge_watches(report), "inotify_queue").state, finding_state::note);
}

TEST(doctor_watches, limits_that_cannot_be_read_are_noted) {
  for (const auto& one : judge_watches({})) EXPECT_EQ(one.state, finding_state::note) << one.name;
}

}  // namespace
}  // namespace graphite::doctor
