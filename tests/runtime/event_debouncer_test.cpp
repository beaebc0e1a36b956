#include "runtime/event_debouncer.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/runtime/watched_model.hpp"

namespace graphite {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

debounce_options options(int quiet_ms, int max_delay_ms = 0, bool coalesce = true) {
  return {milliseconds(quiet_ms), milliseconds(max_delay_ms), coalesce};
}
time_point at(std::int64_t ms) { return time_point(milliseconds(ms)); }

/// Notes events as text and shows what is told as "MS:EVENT".
struct debouncing {
  explicit debouncing(const debounce_options& with) : buffer(with) {}

  void note(std::int64_t ms, std::initializer_list<std::string_view> events) {
    advance_to(ms);
    for (const auto text : events) buffer.note(test::event_of(text, at(ms)));
  }
  /// As the thread would: wakes when told to.
  void advance_to(std::int64_t ms) {
    while (true) {
      const auto next = buffer.next();
      if (!next || *next > at(ms)) break;
      now = std::max(now, *next);
      const auto event = buffer.take(now);
      ASSERT_TRUE(event) << "woken for nothing";
      told.push_back(fmt::format("{}:{}", to_ns(now) / 1'000'000, to_text(*event)));
      times.push_back(event->when);
    }
    EXPECT_FALSE(buffer.take(at(ms))) << "next() did not say so";
    now = at(ms);
  }
  std::vector<std::string> take_all() {
    advance_to(to_ns(now) / 1'000'000 + 1'000'000);
    return std::exchange(told, {});
  }

  event_debouncer buffer;
  time_point now = at(0);
  std::vector<std::string> told;
  std::vector<time_point> times;
};

TEST(event_debouncer, tells_a_path_when_it_was_quiet_for_so_long) {
  debouncing d(options(50));
  EXPECT_FALSE(d.buffer.next());
  d.note(0, {"=a"});
  d.note(30, {"=a"});
  d.note(40, {"+b"});
  d.advance_to(79);
  EXPECT_THAT(d.told, IsEmpty());
  EXPECT_THAT(d.take_all(), ElementsAre("80:~a", "90:+b"));
  EXPECT_EQ(d.times.front(), at(30)) << "of the last event";
  EXPECT_EQ(d.buffer.held(), 0u);
}

TEST(event_debouncer, tells_in_the_order_in_which_paths_became_quiet) {
  debouncing d(options(50));
  d.note(0, {"=a", "=b", "=c", "=a"});
  d.note(10, {"=b"});
  EXPECT_THAT(d.take_all(), ElementsAre("50:~c", "50:~a", "60:~b"));
}

TEST(event_debouncer, max_delay_ends_the_waiting_for_a_path_that_is_never_quiet) {
  debouncing d(options(50, 120));
  for (int ms = 0; ms <= 300; ms += 40) d.note(ms, {".a"});
  EXPECT_THAT(d.take_all(), ElementsAre("120:~a", "240:~a", "330:~a"));
  debouncing without(options(50));
  for (int ms = 0; ms <= 300; ms += 40) without.note(ms, {".a"});
  EXPECT_THAT(without.take_all(), ElementsAre("330:~a"));
}

TEST(event_debouncer, a_max_delay_below_the_quiet_time_counts) {
  debouncing d(options(50, 20));
  d.note(0, {"+a", "!"});
  EXPECT_THAT(d.take_all(), ElementsAre("20:!"));
  d.note(2'000'000, {"+a"});
  EXPECT_THAT(d.take_all(), ElementsAre("2000020:+a"));
}

TEST(event_debouncer, without_a_quiet_time_all_is_due_at_once) {
  debouncing d(options(0));
  d.note(0, {"+a", "=a", "+b"});
  EXPECT_THAT(d.take_all(), ElementsAre("0:+a", "0:+b"));
}

TEST(event_debouncer, an_event_older_than_the_last_shortens_nothing) {
  debouncing d(options(50));
  d.advance_to(100);
  d.buffer.note(test::event_of("=a", at(100)));
  d.buffer.note(test::event_of("=a", at(90)));
  EXPECT_THAT(d.take_all(), ElementsAre("150:~a"));
  debouncing moved(options(50));
  moved.advance_to(100);
  moved.buffer.note(test::event_of("=a", at(100)));
  moved.buffer.note(test::event_of("b<a", at(90)));
  EXPECT_THAT(moved.take_all(), ElementsAre("150:b<a"));
}

// ---- coalescing

TEST(event_debouncer, created_and_deleted_is_nothing) {
  debouncing d(options(50));
  d.note(0, {"+a", "=a", "-a"});
  EXPECT_EQ(d.buffer.held(), 0u);
  EXPECT_FALSE(d.buffer.next());
  d.note(10, {"-b", "+b", "=b"});
  EXPECT_THAT(d.take_all(), ElementsAre("60:~b"));
}

TEST(event_debouncer, a_move_is_told_when_its_file_is_quiet_and_at_latest_for_its_old_name) {
  debouncing d(options(50, 100));
  d.note(0, {"=a"});
  d.note(40, {"b<a"});
  d.note(80, {"=b"});
  EXPECT_THAT(d.take_all(), ElementsAre("100:b<a"));
  EXPECT_EQ(d.buffer.held(), 0u);
}

TEST(event_debouncer, a_scratch_file_that_is_used_again_joins_nothing) {
  debouncing d(options(50));
  d.note(0, {"+tmp", "=tmp", "a<tmp"});
  d.note(30, {"+tmp", "=tmp", "b<tmp"});
  EXPECT_EQ(d.buffer.held(), 2u);
  EXPECT_THAT(d.take_all(), ElementsAre("50:a<", "80:b<"));
}

TEST(event_debouncer, paths_that_a_move_joins_are_told_together) {
  debouncing d(options(50));
  d.note(0, {"backup<a"});
  d.note(20, {"+a", "=a"});
  d.note(60, {".a", "=a", "+other"});
  EXPECT_THAT(d.take_all(), ElementsAre("110:backup<", "110:~a", "110:+other"));
}

TEST(event_debouncer, groups_that_lose_all_their_paths_are_forgotten) {
  debouncing d(options(50));
  d.note(0, {"+a", "+b", "b<a", "-b"});
  EXPECT_EQ(d.buffer.held(), 0u);
  EXPECT_FALSE(d.buffer.next());
  d.note(10, {"=a", "b<a", "a<b", "-a"});
  EXPECT_THAT(d.take_all(), ElementsAre("60:-b", "60:-a"));
  d.note(2'000'000, {"+a", "a<a", "-a"});
  EXPECT_THAT(d.take_all(), IsEmpty());
}

TEST(event_debouncer, a_folder_is_told_once) {
  debouncing d(options(50));
  d.note(0, {"d/", "-d/x", "d/"});
  d.note(10, {"+d"});
  EXPECT_EQ(d.buffer.held(), 3u);
  EXPECT_THAT(d.take_all(), ElementsAre("50:-d/x", "50:d/", "60:+d"));
}

// ---- who looks at what is there

TEST(event_debouncer, what_a_look_at_a_folder_may_have_shown_is_told_as_deleted) {
  debouncing d(options(50));
  d.note(0, {"d/"});
  d.note(20, {"+d/x", "+e/x"});
  d.note(60, {"-d/x", "-e/x"});  // the folder was told at 50
  EXPECT_THAT(d.take_all(), ElementsAre("50:d/", "110:-d/x"));
}

TEST(event_debouncer, an_event_that_comes_after_a_look_may_have_happened_before) {
  debouncing d(options(50));
  d.note(0, {"d/"});
  d.note(60, {"+d/x", "+e/x"});
  d.note(70, {"-d/x", "-e/x"});
  EXPECT_THAT(d.take_all(), ElementsAre("50:d/", "120:-d/x"));
  d.note(2'000'000, {"+d/x", "-d/x"});
  EXPECT_THAT(d.take_all(), IsEmpty());
}

TEST(event_debouncer, many_looks_at_once_are_one_at_everything) {
  debouncing d(options(0));
  for (int i = 0; i < 200; ++i) d.buffer.note(test::event_of(fmt::format("d{}/", i), at(0)));
  d.note(1, {"+e/x", "-e/x"});
  EXPECT_EQ(d.take_all().size(), 201u);
}

// ---- overflow

TEST(event_debouncer, an_overflow_takes_the_place_of_what_is_held_and_of_what_comes_until_it_is_told) {
  debouncing d(options(50));
  d.note(0, {"+a", "b<c", "d/"});
  d.note(10, {"!"});
  EXPECT_EQ(d.buffer.held(), 0u);
  d.note(30, {"!", "+e"});
  d.note(60, {"+f"});
  EXPECT_THAT(d.take_all(), ElementsAre("60:!", "110:+f"));
}

TEST(event_debouncer, what_was_created_during_the_look_after_an_overflow_is_told_as_deleted) {
  debouncing d(options(50));
  d.note(0, {"!"});
  d.advance_to(50);
  d.note(500, {"+a", "-a"});
  EXPECT_THAT(d.take_all(), ElementsAre("50:!", "550:-a"));
}

TEST(event_debouncer, more_paths_than_it_may_hold_are_one_overflow) {
  for (const bool coalesce : {true, false}) {
    auto with = options(50, 0, coalesce);
    with.held_max = 100;
    debouncing d(with);
    for (int i = 0; i < 100; ++i) d.note(0, {fmt::format("+{}", i)});
    EXPECT_EQ(d.buffer.held(), 100u);
    d.note(0, {"+a"});
    EXPECT_EQ(d.buffer.held(), 0u);
    EXPECT_THAT(d.take_all(), ElementsAre("50:!"));
  }
}

TEST(event_debouncer, lose_drops_what_is_being_told_as_well) {
  debouncing d(options(50, 0, false));
  d.note(0, {"+a", "=a", "=a"});
  EXPECT_EQ(to_text(*d.buffer.take(at(50))), "+a");
  d.buffer.lose(at(50));
  EXPECT_THAT(d.take_all(), ElementsAre("100:!"));
}

// ---- each event

TEST(event_debouncer, without_coalescing_each_event_of_a_quiet_path_is_told_in_order) {
  debouncing d(options(50, 0, false));
  d.note(0, {"+a", ".a", "=a", "+b"});
  d.note(40, {"~a", "-a", "+a"});
  EXPECT_EQ(d.buffer.held(), 6u);
  EXPECT_THAT(d.take_all(), ElementsAre("50:+b", "90:+a", "90:~a", "90:~a", "90:-a", "90:+a"));
  EXPECT_EQ(d.buffer.held(), 0u);
}

TEST(event_debouncer, writing_is_one_event_with_what_follows_it) {
  debouncing d(options(50, 0, false));
  for (int ms = 0; ms < 1'000; ms += 10) d.note(ms, {".a"});
  EXPECT_EQ(d.buffer.held(), 1u);
  d.note(1'000, {"=a", ".a", "-a", ".b"});
  EXPECT_THAT(d.take_all(), ElementsAre("1050:~a", "1050:~a", "1050:-a", "1050:~b"));
}

TEST(event_debouncer, what_a_move_joins_stays_in_order) {
  debouncing d(options(50, 0, false));
  d.note(0, {"+a", "+b", "=a", "=b", "a<b"});
  EXPECT_THAT(d.take_all(), ElementsAre("50:+a", "50:+b", "50:~a", "50:~b", "50:a<b"));
}

TEST(event_debouncer, without_coalescing_a_move_keeps_both_names_in_order) {
  debouncing d(options(50, 0, false));
  d.note(0, {"+a", "+c"});
  d.note(10, {"b<a", "=b"});
  d.note(20, {"+a", "d/"});
  EXPECT_THAT(d.take_all(), ElementsAre("50:+c", "70:+a", "70:b<a", "70:~b", "70:+a", "70:d/"));
}

}  // namespace
}  // namespace graphite
