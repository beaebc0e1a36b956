#include "coordinator/revision.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/coordinator/revision_driver.hpp"

namespace graphite {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using rev = revision_driver::closed_revision;

// ---- rescans

TEST(revision, overflow_asks_for_one_rescan_of_all_after_quiet) {
  revision_driver d;
  d.differences[""] = {{"a"}, {"b", change_kind::removed}, {"c", change_kind::written, true}};
  d.closed("early");
  d.event(fs_event_kind::overflow, "");
  d.advance_to(20);
  d.closed("z");
  d.advance_to(69);
  EXPECT_THAT(d.rescans, IsEmpty());
  d.advance_to(5000);
  EXPECT_THAT(d.rescans, ElementsAre(""));
  EXPECT_THAT(d.revisions, ElementsAre(rev{0, {"early"}}, rev{70, {"a", "-b", "c"}}));
  EXPECT_EQ(d.asks, 1u) << "only the recent one";
}

TEST(revision, vanished_folders_are_looked_at_together) {
  revision_driver d;
  for (const auto* folder : {"x/y/z", "x/y", "x", "xy"}) d.event(fs_event_kind::folder, folder);
  d.differences["x"] = {{"x/1", change_kind::removed}};
  d.advance_to(5000);
  EXPECT_THAT(d.rescans, ElementsAre("x", "xy"));
  EXPECT_THAT(d.revisions, ElementsAre(rev{50, {"-x/1"}}));
}

TEST(revision, a_folder_that_changes_during_its_rescan_is_looked_at_again) {
  revision_driver d;
  d.answer_rescans = false;
  d.event(fs_event_kind::folder, "x");
  d.advance_to(50);
  EXPECT_THAT(d.rescans, ElementsAre("x"));
  d.event(fs_event_kind::folder, "x");
  d.answer_rescans = true;
  d.run(d.builder->rescanned("x", {}, d.at(50)));
  d.advance_to(500);
  EXPECT_THAT(d.rescans, ElementsAre("x", "x"));
  EXPECT_EQ(d.builder->state().rescans, 0u);
}

TEST(revision, a_rescan_under_way_keeps_the_revision_back_but_not_for_ever) {
  revision_driver d;
  d.known = {"a"};
  d.answer_rescans = false;
  d.event(fs_event_kind::folder, "x");
  d.advance_to(60);
  d.closed("a");
  EXPECT_THAT(d.revisions, IsEmpty());
  d.advance_to(10'000);
  EXPECT_THAT(d.revisions, ElementsAre(rev{2000, {"a"}}));
  EXPECT_LE(d.wakes, 20u);
}

TEST(revision, a_changed_ignore_file_calls_for_its_folder) {
  revision_driver d;
  d.closed("art/.gitignore");
  d.moved("tmp", ".gitignore");
  d.advance_to(1);
  EXPECT_THAT(d.rescans, ElementsAre("art", ""));
  d.deleted("art/.gitignore");
  d.advance_to(500);
  EXPECT_THAT(d.rescans, ElementsAre("art", "", "art"));
}

TEST(revision, too_many_pending_paths_become_one_rescan) {
  revision_driver d({}, 100);
  d.builder->hold(1, seconds(10), d.at(0));
  for (int i = 0; i < 100'000; ++i) d.closed(fmt::format("f{}", i));
  EXPECT_LE(d.builder->state().pending, 100u);
  EXPECT_EQ(d.builder->state().rescans, 1u);
  d.event(fs_event_kind::cookie, "c");
  EXPECT_THAT(d.caught_up, IsEmpty());
  d.differences[""] = {{"f1"}, {"f2"}};
  d.advance_to(20'000);
  EXPECT_THAT(d.rescans, ElementsAre(""));
  EXPECT_THAT(d.revisions, ElementsAre(rev{10'000, {"f1", "f2"}}));
  EXPECT_THAT(d.caught_up, ElementsAre("c"));
}

TEST(revision, too_many_vanished_folders_become_one_rescan) {
  revision_driver d({}, 100);
  d.builder->hold(1, seconds(10), d.at(0));
  for (int i = 0; i < 1000; ++i) d.event(fs_event_kind::folder, fmt::format("d{}", i));
  EXPECT_EQ(d.builder->state().rescans, 1u);
}

TEST(revision, an_unasked_scan_reports_what_it_found) {
  revision_driver d;
  d.run(d.builder->rescanned("", std::vector<rescan_change>{{"a"}, {"b", change_kind::removed}}, d.at(0)));
  EXPECT_THAT(d.revisions, ElementsAre(rev{0, {"a", "-b"}}));
}

TEST(revision, a_scan_does_not_overrule_events) {
  revision_driver d;
  d.known = {"a"};
  d.open = {"a"};
  d.modified("a");
  d.advance_to(60);
  d.run(d.builder->rescanned("", std::vector<rescan_change>{{"a"}}, d.at(60)));
  EXPECT_THAT(d.revisions, IsEmpty()) << "it is still being written";
}

// ---- cookies

TEST(revision, a_cookie_with_nothing_before_it_is_answered_at_once) {
  revision_driver d;
  d.event(fs_event_kind::cookie, "c1");
  EXPECT_THAT(d.caught_up, ElementsAre("c1"));
}

TEST(revision, a_cookie_waits_for_what_came_before_it_only) {
  revision_driver d;
  d.known = {"a", "b"};
  d.deleted("a");
  d.event(fs_event_kind::cookie, "c1");
  d.advance_to(20);
  d.deleted("b");
  d.event(fs_event_kind::cookie, "c2");
  EXPECT_THAT(d.caught_up, IsEmpty());
  d.advance_to(50);
  EXPECT_THAT(d.caught_up, ElementsAre("c1"));
  EXPECT_THAT(d.revisions, SizeIs(1));
  d.advance_to(70);
  EXPECT_THAT(d.caught_up, ElementsAre("c1", "c2"));
}

TEST(revision, a_cookie_does_not_wait_for_a_file_that_stays_open) {
  revision_driver d;
  d.open = {"a"};
  d.modified("a");
  d.event(fs_event_kind::cookie, "c");
  d.advance_to(49);
  EXPECT_THAT(d.caught_up, IsEmpty());
  d.advance_to(50);
  EXPECT_THAT(d.caught_up, ElementsAre("c"));
}

TEST(revision, the_revision_is_closed_before_its_cookie_is_answered) {
  revision_builder builder({{},
                            [](auto) { return path_role::source; },
                            [](auto) { return milliseconds(0); },
                            [](auto) { return true; }});
  const std::vector<fs_event> events{{fs_event_kind::closed, "a", "", {}},
                                     {fs_event_kind::cookie, "c", "", {}}};
  const auto steps = builder.apply(events, revision_driver::at(0));
  ASSERT_THAT(steps, SizeIs(2));
  EXPECT_TRUE(std::holds_alternative<revision_command::close>(steps[0]));
  EXPECT_TRUE(std::holds_alternative<revision_command::caught_up>(steps[1]));
}

}  // namespace
}  // namespace graphite
