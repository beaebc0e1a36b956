#include "coordinator/revision.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/coordinator/revision_driver.hpp"

namespace graphite {
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

TEST(revision, writing_without_close_is_asked_about_after_silence) {
  revision_driver d;
  d.known = {"a"};
  d.writing("a");
  d.advance_to(40);
  d.writing("a");
  d.advance_to(89);
  EXPECT_EQ(d.asks, 0u);
  d.advance_to(90);
  EXPECT_EQ(d.asks, 1u);
  d.advance_to(95);
  EXPECT_THAT(d.revisions, ElementsAre(rev{95, {"a"}}));
}

TEST(revision, a_file_open_for_writing_lets_others_go_on_and_is_named_as_open) {
  revision_driver d;
  d.known = {"big", "small"};
  d.open = {"big"};
  for (int ms = 0; ms < 10'000; ms += 10) {
    d.advance_to(ms);
    d.writing("big");
    if (ms % 1000 == 500) d.closed("small");
  }
  EXPECT_THAT(d.revisions, SizeIs(10));
  EXPECT_THAT(d.revisions[3], (rev{3500, {"small"}}));
  EXPECT_LE(d.asks, 7u);
  EXPECT_THAT(d.named_open, testing::Each(ElementsAre("big")));
  d.open = {};
  d.closed("big");
  EXPECT_THAT(d.revisions.back().changes, ElementsAre("big"));
  EXPECT_THAT(d.named_open.back(), IsEmpty());
}

TEST(revision, a_file_that_was_named_as_open_is_named_again_though_its_events_were_lost) {
  revision_driver d(watch_spec{}, 3);
  d.known = {"big", "small"};
  d.open = {"big"};
  d.modified("big");
  d.advance_to(100);
  d.closed("small");
  ASSERT_THAT(d.named_open, ElementsAre(ElementsAre("big")));
  d.open = {};
  d.event(fs_event_kind::overflow, "");  // forgets what is pending; the rescan finds nothing
  d.advance_to(5'000);
  ASSERT_THAT(d.revisions, SizeIs(2));
  EXPECT_THAT(d.revisions[1].changes, ElementsAre("big"));
  EXPECT_THAT(d.named_open[1], IsEmpty());
}

TEST(revision, a_close_that_never_comes_is_found_by_asking_again) {
  revision_driver d;
  d.known = {"a"};
  d.open = {"a"};
  d.writing("a");
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

TEST(revision, writing_and_new_attributes_of_a_file_that_is_ready_settle_nothing_anew) {
  for (const auto kind : {fs_event_kind::writing, fs_event_kind::modified}) {
    revision_driver d;
    d.known = {"m.gltf"};
    d.settles = {{".gltf", milliseconds(100)}};
    d.closed("m.gltf");
    d.advance_to(60);
    d.event(kind, "m.gltf");
    d.advance_to(1000);
    ASSERT_THAT(d.revisions, Not(IsEmpty()));
    EXPECT_EQ(d.revisions[0].at_ms, 115) << "100, and the answer whether it is open: not 160";
  }
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
