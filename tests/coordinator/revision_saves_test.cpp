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

}  // namespace
}  // namespace graphite
