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

// ---- storms and git

TEST(revision, a_storm_waits_for_quiet) {
  revision_driver d;
  std::vector<std::string> expected;
  std::vector<fs_event> events;
  for (int i = 100; i < 140; ++i) {
    events.push_back({fs_event_kind::closed, fmt::format("f{}", i), "", {}});
    expected.push_back(events.back().path);
    d.known.insert(events.back().path);
  }
  d.batch(events);
  EXPECT_TRUE(d.builder->state().storm);
  d.advance_to(30);
  d.closed("g");
  expected.push_back("g");
  d.advance_to(5000);
  EXPECT_THAT(d.revisions, ElementsAre(rev{80, expected}));
  EXPECT_FALSE(d.builder->state().storm);
}

TEST(revision, thirty_two_files_in_twenty_ms_are_no_storm) {
  revision_driver d;
  std::vector<fs_event> events;
  for (int i = 0; i < 32; ++i) events.push_back({fs_event_kind::closed, fmt::format("f{}", i), "", {}});
  d.batch(events);
  EXPECT_THAT(d.revisions, SizeIs(1));
  EXPECT_FALSE(d.builder->state().storm);
}

TEST(revision, one_file_written_a_thousand_times_is_no_storm) {
  revision_driver d;
  d.known = {"a"};
  for (int i = 0; i < 1000; ++i) d.modified("a");
  EXPECT_FALSE(d.builder->state().storm);
}

TEST(revision, a_storm_includes_its_deletions_and_links) {
  revision_driver d;
  std::vector<fs_event> events;
  for (int i = 100; i < 140; ++i) events.push_back({fs_event_kind::closed, fmt::format("f{}", i), "", {}});
  d.batch(events);
  d.advance_to(20);
  d.deleted("x");
  d.created("hard-link");
  d.modified("touched");
  d.advance_to(5000);
  ASSERT_THAT(d.revisions, SizeIs(1));
  EXPECT_THAT(d.revisions[0].changes, SizeIs(43));
  EXPECT_EQ(d.revisions[0].at_ms, 70);
}

TEST(revision, a_path_that_never_rests_in_a_storm_keeps_no_question_waiting) {
  revision_driver d;
  for (int ms = 0; ms <= 6500; ++ms) {
    d.advance_to(ms);
    const auto path = fmt::format("f{}", ms % 40);
    d.known.insert(path);
    // Each path's last word at any moment is a deletion that is not due yet.
    d.closed(path);
    d.deleted(path);
    if (ms == 1000) d.event(fs_event_kind::cookie, "question");
  }
  EXPECT_THAT(d.caught_up, ElementsAre("question"));
}

TEST(revision, an_endless_storm_closes_every_max_delay_and_keeps_back_open_files) {
  revision_driver d;
  d.open = {"open"};
  for (int ms = 0; ms <= 6500; ++ms) {
    d.advance_to(ms);
    d.modified("open");
    for (int i = 0; i < 4; ++i) d.closed(fmt::format("f{}", (ms * 4 + i) % 5000));
  }
  // The first few act at once, before it can be told from single saves.
  std::vector<std::int64_t> late;
  for (const auto& r : d.revisions) {
    EXPECT_THAT(r.changes, testing::Not(testing::Contains("open")));
    if (r.at_ms > 20) late.push_back(r.at_ms);
  }
  ASSERT_THAT(late, SizeIs(3));
  EXPECT_NEAR(late[1] - late[0], 2000, 1);
  d.advance_to(7000);
  d.open = {};
  d.closed("open");
  EXPECT_THAT(d.revisions.back().changes, ElementsAre("open"));
}

TEST(revision, a_checkout_of_5000_files_under_gits_lock_makes_one_revision) {
  revision_driver d;
  d.created(".git/index.lock");
  for (int i = 0; i < 5000; ++i) {
    if (i % 4 == 0) d.advance_by(1);
    const auto path = fmt::format("dir{}/file{:04}", i % 70, i);
    if (i % 3 == 0) d.known.insert(path);
    if (i % 3 == 0) d.deleted(path);
    if (i % 7 != 0) {
      d.open = {path};
      d.created(path);
      d.closed(path);
    }
  }
  EXPECT_THAT(d.revisions, IsEmpty());
  EXPECT_TRUE(d.builder->state().git_lock);
  const auto released = d.now_ms;
  d.moved(".git/index.lock", ".git/index");
  EXPECT_FALSE(d.builder->state().git_lock);
  d.advance_by(5000);
  ASSERT_THAT(d.revisions, SizeIs(1));
  EXPECT_EQ(d.revisions[0].at_ms, released + 50);
}

TEST(revision, a_checkout_of_six_seconds_closes_once_a_max_delay_and_at_its_end) {
  revision_driver d;
  d.created(".git/index.lock");
  for (int ms = 0; ms < 6000; ++ms) {
    // Git writes in fits and starts: now a storm, now a file at a time, now nothing for a second.
    const bool pause = ms % 2500 > 1400;
    if (pause || (ms % 7 != 0 && ms % 500 > 100)) continue;
    d.advance_to(ms);
    const auto path = fmt::format("dir{}/file{:04}", ms % 70, ms);
    d.known.insert(path);
    d.deleted(path);
    d.created(path);
    d.closed(path);
  }
  d.advance_to(6000);
  d.moved(".git/index.lock", ".git/index");
  d.advance_by(5000);
  EXPECT_LE(d.revisions.size(), 4u);
  EXPECT_EQ(d.revisions.back().at_ms, 6050);
}

TEST(revision, a_lock_that_outlasts_max_delay_is_stale) {
  revision_driver d;
  d.known = {"a"};
  d.created(".git/index.lock");
  d.advance_to(100'000);
  d.closed("a");
  d.advance_to(200'000);
  EXPECT_THAT(d.revisions, ElementsAre(rev{102'000, {"a"}}));
  d.closed("a");
  EXPECT_THAT(d.revisions, SizeIs(2)) << "a stale lock delays once";
  d.deleted(".git/index.lock");
  d.created(".git/index.lock");
  d.closed("a");
  EXPECT_THAT(d.revisions, SizeIs(2)) << "a new lock counts again";
}

TEST(revision, a_lock_without_changes_makes_no_revision_and_leaves_no_trace) {
  revision_driver d;
  d.known = {"a"};
  d.created(".git/index.lock");
  d.deleted(".git/index.lock");
  d.advance_to(10);
  d.closed("a");
  EXPECT_THAT(d.revisions, ElementsAre(rev{10, {"a"}}));
}

// ---- holding

TEST(revision, held_until_released) {
  revision_driver d;
  d.known = {"a", "b"};
  ASSERT_TRUE(d.builder->hold(1, seconds(60), d.at(0)));
  d.closed("a");
  d.advance_to(30'000);
  d.deleted("b");
  d.advance_to(31'000);
  EXPECT_THAT(d.revisions, IsEmpty());
  d.run(d.builder->release(1, d.at(31'000)));
  EXPECT_THAT(d.revisions, ElementsAre(rev{31'000, {"a", "-b"}}));
}

TEST(revision, what_was_saved_right_before_the_release_makes_one_revision_with_the_rest) {
  for (const bool by_timeout : {false, true}) {
    revision_driver d;
    d.known = {"a", "c", "d"};
    ASSERT_TRUE(d.builder->hold(1, milliseconds(by_timeout ? 1'000 : 60'000), d.at(0)));
    d.closed("a");
    d.advance_to(999);
    d.created("b");
    d.closed("b");
    d.modified("c");
    d.deleted("d");
    EXPECT_THAT(d.revisions, IsEmpty());
    if (!by_timeout) d.run(d.builder->release(1, d.at(999)));
    d.advance_to(3'000);
    EXPECT_LE(d.wakes, 8u) << "it does not spin";
    ASSERT_EQ(d.revisions.size(), 1u) << by_timeout;
    EXPECT_THAT(d.revisions[0].changes, ElementsAre("a", "b", "c", "-d"));
    d.closed("a");
    EXPECT_EQ(d.revisions.size(), 2u) << "later ones wait for nothing";
  }
}

TEST(revision, a_file_that_is_still_written_after_a_hold_keeps_the_rest_back_no_longer_than_usual) {
  revision_driver d;
  d.known = {"a", "b"};
  ASSERT_TRUE(d.builder->hold(1, seconds(60), d.at(0)));
  d.closed("a");
  d.open = {"b"};
  d.modified("b");
  d.run(d.builder->release(1, d.at(0)));
  d.advance_to(1'000);
  EXPECT_LE(d.wakes, 8u);
  ASSERT_EQ(d.revisions.size(), 1u);
  EXPECT_THAT(d.revisions[0].changes, ElementsAre("a"));
}

TEST(revision, a_hold_ends_with_its_timeout_and_the_last_holder) {
  revision_driver d;
  d.known = {"a"};
  ASSERT_TRUE(d.builder->hold(1, seconds(1), d.at(0)));
  ASSERT_TRUE(d.builder->hold(2, seconds(3), d.at(0)));
  d.closed("a");
  d.run(d.builder->release(7, d.at(0)));
  d.advance_to(2999);
  EXPECT_THAT(d.revisions, IsEmpty());
  d.advance_to(10'000);
  EXPECT_THAT(d.revisions, ElementsAre(rev{3000, {"a"}}));
}

TEST(revision, holders_are_bounded) {
  revision_driver d;
  for (std::uint64_t i = 0; i < 64; ++i) EXPECT_TRUE(d.builder->hold(i, seconds(1), d.at(0)));
  EXPECT_FALSE(d.builder->hold(64, seconds(1), d.at(0)));
  EXPECT_TRUE(d.builder->hold(63, seconds(9), d.at(0)));
  EXPECT_TRUE(d.builder->hold(64, seconds(1), d.at(1000)));
}

TEST(revision, a_hold_does_not_use_up_max_delay) {
  revision_driver d;
  d.known = {"m.gltf"};
  d.settles = {{".gltf", milliseconds(100)}};
  d.builder->hold(1, seconds(60), d.at(0));
  d.closed("m.gltf");
  d.advance_to(10'000);
  d.closed("m.gltf");
  d.run(d.builder->release(1, d.at(10'000)));
  EXPECT_THAT(d.revisions, IsEmpty());
  d.advance_to(10'100);
  EXPECT_THAT(d.revisions, SizeIs(1));
}

}  // namespace
}  // namespace graphite
