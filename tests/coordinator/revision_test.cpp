#include "coordinator/revision.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/coordinator/revision_driver.hpp"

namespace graphite {

void PrintTo(const revision_driver::closed_revision& r, std::ostream* out) {
  *out << "at " << r.at_ms << " ms:";
  for (const auto& c : r.changes) *out << ' ' << c;
}

namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using rev = revision_driver::closed_revision;

// ---- what acts at once, what waits

TEST(revision, a_closed_file_acts_at_once) {
  revision_driver d;
  d.known = {"a.png"};
  d.modified("a.png");
  d.advance_to(7);
  d.closed("a.png");
  EXPECT_THAT(d.revisions, ElementsAre(rev{7, {"a.png"}}));
}

TEST(revision, a_file_moved_in_acts_at_once) {
  revision_driver d;
  d.moved("", "a.png");
  EXPECT_THAT(d.revisions, ElementsAre(rev{0, {"a.png"}}));
}

TEST(revision, a_deletion_waits_for_the_debounce) {
  revision_driver d;
  d.known = {"a.png"};
  d.deleted("a.png");
  d.advance_to(49);
  EXPECT_THAT(d.revisions, IsEmpty());
  d.advance_to(50);
  EXPECT_THAT(d.revisions, ElementsAre(rev{50, {"-a.png"}}));
}

TEST(revision, a_deletion_does_not_keep_others_back) {
  revision_driver d;
  d.known = {"a", "b"};
  d.deleted("a");
  d.closed("b");
  d.advance_to(100);
  EXPECT_THAT(d.revisions, ElementsAre(rev{0, {"b"}}, rev{50, {"-a"}}));
}

TEST(revision, deleted_and_created_within_the_debounce_is_one_modification) {
  revision_driver d;
  d.known = {"a"};
  d.deleted("a");
  d.advance_to(30);
  d.open = {"a"};
  d.created("a");
  d.modified("a");
  d.advance_to(200);
  d.open = {};
  d.closed("a");
  d.advance_to(1000);
  EXPECT_THAT(d.revisions, ElementsAre(rev{200, {"a"}}));
}

TEST(revision, changes_ascend_and_name_the_first_notice) {
  revision_builder builder({{},
                            [](auto) { return path_role::source; },
                            [](auto) { return milliseconds(0); },
                            [](auto) { return true; }});
  const auto at = [](int ms) { return revision_driver::at(ms); };
  const std::vector<fs_event> events{{fs_event_kind::modified, "b", "", at(1)},
                                     {fs_event_kind::closed, "a", "", at(2)},
                                     {fs_event_kind::closed, "b", "", at(3)}};
  const auto steps = builder.apply(events, at(4));
  const revision_command::close expected{
      {{"a", change_kind::written, at(2)}, {"b", change_kind::written, at(1)}}, at(1)};
  EXPECT_THAT(steps, ElementsAre(revision_step(expected)));
}

TEST(revision, what_is_no_source_makes_no_revision) {
  revision_driver d;
  d.filter.set_ignore_file("", "*.tmp\n");
  d.closed("a.tmp");
  d.closed(".git/HEAD");
  d.moved("x.tmp", "y.tmp");
  d.advance_to(5000);
  EXPECT_THAT(d.revisions, IsEmpty());
  EXPECT_FALSE(d.timer);
}

// ---- writers that do not say when they are done

TEST(revision, modified_without_close_is_asked_about_after_silence) {
  revision_driver d;
  d.known = {"a"};
  d.modified("a");
  d.advance_to(40);
  d.modified("a");
  d.advance_to(89);
  EXPECT_EQ(d.asks, 0u);
  d.advance_to(90);
  EXPECT_EQ(d.asks, 1u);
  d.advance_to(95);
  EXPECT_THAT(d.revisions, ElementsAre(rev{95, {"a"}}));
}

TEST(revision, a_file_open_for_writing_keeps_back_itself_only) {
  revision_driver d;
  d.known = {"big", "small"};
  d.open = {"big"};
  for (int ms = 0; ms < 10'000; ms += 10) {
    d.advance_to(ms);
    d.modified("big");
    if (ms % 1000 == 500) d.closed("small");
  }
  EXPECT_THAT(d.revisions, SizeIs(10));
  EXPECT_THAT(d.revisions[3], (rev{3500, {"small"}}));
  EXPECT_LE(d.asks, 7u);
  d.open = {};
  d.closed("big");
  EXPECT_THAT(d.revisions.back().changes, ElementsAre("big"));
}

TEST(revision, a_close_that_never_comes_is_found_by_asking_again) {
  revision_driver d;
  d.known = {"a"};
  d.open = {"a"};
  d.modified("a");
  d.advance_to(500);
  d.open = {};
  d.advance_to(3000);
  EXPECT_THAT(d.revisions, ElementsAre(rev{2055, {"a"}}));
}

TEST(revision, an_answer_that_a_later_write_overtook_counts_for_nothing) {
  revision_driver d;
  d.known = {"a"};
  d.answer_asks = false;
  d.modified("a");
  d.advance_to(50);
  EXPECT_EQ(d.asks, 1u);
  d.modified("a");
  d.run(d.builder->open_answer("a", false, d.at(50)));
  EXPECT_THAT(d.revisions, IsEmpty());
  d.run(d.builder->open_answer("never heard of", false, d.at(50)));
  d.answer_asks = true;
  d.advance_to(200);
  EXPECT_THAT(d.revisions, ElementsAre(rev{105, {"a"}}));
}

TEST(revision, an_answer_that_never_comes_holds_nothing_for_ever) {
  revision_driver d;
  d.known = {"a", "b"};
  d.answer_asks = false;
  d.modified("a");
  d.advance_to(60);
  d.closed("b");
  d.advance_to(20'000);
  EXPECT_THAT(d.revisions, ElementsAre(rev{2000, {"b"}}));
  EXPECT_LE(d.wakes, 30u);
}

// ---- the six ways editors save, three times in a row, backups not ignored

struct save_case {
  const char* name;
  void (*save)(revision_driver& d);
};

void PrintTo(const save_case& c, std::ostream* out) { *out << c.name; }

class saves : public testing::TestWithParam<save_case> {};

TEST_P(saves, make_exactly_one_revision_each_and_no_deletion) {
  revision_driver d;
  d.known = {"a.png"};
  for (int round = 0; round < 3; ++round) {
    GetParam().save(d);
    d.advance_by(1000);
  }
  ASSERT_THAT(d.revisions, SizeIs(3));
  for (const auto& r : d.revisions) EXPECT_THAT(r.changes, ElementsAre("a.png"));
}

INSTANTIATE_TEST_SUITE_P(editors, saves,
                         testing::Values(save_case{"in_place",
                                                   [](revision_driver& d) {
                                                     d.modified("a.png");
                                                     d.closed("a.png");
                                                   }},
                                         save_case{"rename_over",
                                                   [](revision_driver& d) {
                                                     d.open = {"a.png.x1"};
                                                     d.created("a.png.x1");
                                                     d.modified("a.png.x1");
                                                     d.closed("a.png.x1");
                                                     d.open = {};
                                                     d.advance_by(2);
                                                     d.moved("a.png.x1", "a.png");
                                                   }},
                                         save_case{"backup_and_rename",
                                                   [](revision_driver& d) {
                                                     d.moved("a.png", "a.png.bak");
                                                     d.advance_by(1);
                                                     d.open = {"a.png"};
                                                     d.created("a.png");
                                                     d.modified("a.png");
                                                     d.open = {};
                                                     d.advance_by(1);
                                                     d.closed("a.png");
                                                     d.advance_by(1);
                                                     d.deleted("a.png.bak");
                                                   }},
                                         save_case{"tmpfile_and_link",
                                                   [](revision_driver& d) {
                                                     d.deleted("a.png");
                                                     d.advance_by(1);
                                                     d.created("a.png");
                                                   }},
                                         save_case{"truncate_and_write",
                                                   [](revision_driver& d) {
                                                     d.modified("a.png");
                                                     d.advance_by(20);
                                                     d.modified("a.png");
                                                     d.advance_by(1);
                                                     d.closed("a.png");
                                                   }},
                                         save_case{"delete_and_create",
                                                   [](revision_driver& d) {
                                                     d.deleted("a.png");
                                                     d.advance_by(20);
                                                     d.open = {"a.png"};
                                                     d.created("a.png");
                                                     d.advance_by(1);
                                                     d.modified("a.png");
                                                     d.open = {};
                                                     d.closed("a.png");
                                                   }}),
                         [](const auto& info) { return info.param.name; });

TEST(revision, a_new_file_comes_after_a_breath) {
  revision_driver d;
  d.open = {"a"};
  d.created("a");
  d.closed("a");
  d.advance_to(100);
  EXPECT_THAT(d.revisions, ElementsAre(rev{5, {"a"}}));
}

TEST(revision, a_close_that_overtakes_the_answer_makes_no_second_revision) {
  revision_driver d;
  d.known = {"a"};
  d.deleted("a");
  d.created("a");  // by the time of the question the writer is done
  d.advance_to(1);
  d.closed("a");
  d.advance_to(1000);
  EXPECT_THAT(d.revisions, ElementsAre(rev{1, {"a"}}));
}

TEST(revision, born_and_deleted_before_it_was_shown_is_nothing) {
  revision_driver d;
  d.open = {"a"};
  d.created("a");
  d.closed("a");
  d.deleted("a");
  d.advance_to(3000);
  EXPECT_THAT(d.revisions, IsEmpty());
  EXPECT_EQ(d.builder->state().pending, 0u);
}

TEST(revision, a_created_file_that_was_known_is_not_born) {
  revision_driver d;
  d.known = {"a"};
  d.created("a");  // reported again by a folder's search
  d.advance_to(10);
  EXPECT_THAT(d.revisions, ElementsAre(rev{5, {"a"}}));
  d.created("a");
  d.deleted("a");
  d.advance_to(3000);
  EXPECT_THAT(d.revisions.back().changes, ElementsAre("-a"));
}

TEST(revision, a_rename_inside_shows_both_names_in_one_revision) {
  revision_driver d;
  d.known = {"a"};
  d.moved("a", "b");
  d.advance_to(500);
  EXPECT_THAT(d.revisions, ElementsAre(rev{50, {"-a", "b"}}));
}

TEST(revision, swapped_names_come_together) {
  revision_driver d;
  d.known = {"a", "b"};
  d.moved("a", "t");
  d.moved("b", "a");
  d.moved("t", "b");
  d.advance_to(500);
  EXPECT_THAT(d.revisions, ElementsAre(rev{50, {"a", "b"}}));
}

TEST(revision, a_rename_to_an_ignored_name_is_a_deletion) {
  revision_driver d;
  d.known = {"a"};
  d.filter.set_ignore_file("", "*~\n");
  d.moved("a", "a~");
  d.advance_to(500);
  EXPECT_THAT(d.revisions, ElementsAre(rev{50, {"-a"}}));
}

TEST(revision, a_kept_backup_does_not_delay_the_save) {
  revision_driver d;
  d.known = {"a"};
  d.moved("a", "a.bak");
  d.advance_to(3);
  d.open = {"a"};
  d.created("a");
  d.closed("a");
  d.advance_to(500);
  EXPECT_THAT(d.revisions, ElementsAre(rev{3, {"a"}}, rev{50, {"a.bak"}}));
}

// ---- settle

TEST(revision, a_gltf_saved_before_its_bin_makes_one_revision) {
  revision_driver d;
  d.known = {"m.gltf", "m.bin"};
  d.settles = {{".gltf", milliseconds(100)}};
  d.closed("m.gltf");
  d.advance_to(50);
  d.closed("m.bin");
  d.advance_to(1000);
  EXPECT_THAT(d.revisions, ElementsAre(rev{100, {"m.bin", "m.gltf"}}));
}

TEST(revision, settling_without_end_is_cut_by_max_delay) {
  revision_driver d;
  d.known = {"m.gltf"};
  d.settles = {{".gltf", milliseconds(100)}};
  for (int ms = 0; ms <= 4500; ms += 60) {
    d.advance_to(ms);
    d.closed("m.gltf");
  }
  ASSERT_THAT(d.revisions, SizeIs(2));
  EXPECT_EQ(d.revisions[0].at_ms, 2000);
}

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

// ---- coalescing

TEST(revision, a_batch_of_changes_of_one_file_is_one_entry) {
  revision_driver d;
  d.batch({{fs_event_kind::closed, "a", "", {}},
           {fs_event_kind::modified, "a", "", {}},
           {fs_event_kind::closed, "a", "", {}}});
  EXPECT_THAT(d.revisions, ElementsAre(rev{0, {"a"}}));
}

TEST(revision, without_coalescing_each_change_has_its_own_revision) {
  watch_spec watch;
  watch.coalesce_events = false;
  revision_driver d(watch);
  d.known = {"a", "b"};
  d.batch({{fs_event_kind::closed, "a", "", {}},
           {fs_event_kind::closed, "b", "", {}},
           {fs_event_kind::modified, "a", "", {}},
           {fs_event_kind::closed, "a", "", {}}});
  EXPECT_THAT(d.revisions, ElementsAre(rev{0, {"a", "b"}}, rev{0, {"a"}}));
}

}  // namespace
}  // namespace graphite
