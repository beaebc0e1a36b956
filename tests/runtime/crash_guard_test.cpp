#include "runtime/crash_guard.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

head head_with(std::uint8_t root) {
  head out;
  out.root.bytes[0] = root;
  out.epoch = {5};
  out.sequence = {root};
  return out;
}
time_point at_second(int s) { return time_point{} + seconds(s); }

/// One start that shows `shown` and ends by itself after `lived`.
byte_vector crash(const byte_vector& record, const head& shown, int lived = 1) {
  crash_guard guard({}, record);
  guard.activate(shown, at_second(0));
  if (at_second(lived) >= guard.settles_at()) guard.tick(at_second(lived));
  EXPECT_TRUE(guard.take_changed());
  return guard.encode();
}

TEST(crash_guard, holds_a_generation_after_three_crashes_in_a_row) {
  const auto bad = head_with(1), good = head_with(2);
  byte_vector record;
  for (int starts = 0; starts < 3; ++starts) {
    EXPECT_FALSE(crash_guard({}, record).holds(bad.root)) << starts;
    record = crash(record, bad);
  }
  crash_guard guard({}, record);
  EXPECT_TRUE(guard.holds(bad.root));
  ASSERT_EQ(guard.newly_held().size(), 1u);
  EXPECT_EQ(guard.newly_held()[0].sequence, 1u);
  EXPECT_FALSE(guard.holds(good.root));
  guard.activate(good, at_second(0));
  guard.end();
  const crash_guard later({}, guard.encode());
  EXPECT_TRUE(later.holds(bad.root)) << "it stays held";
  EXPECT_TRUE(later.newly_held().empty()) << "and is reported once";
}

TEST(crash_guard, whoever_lives_long_enough_or_ends_as_he_should_has_not_crashed) {
  const auto shown = head_with(1);
  auto record = crash(crash({}, shown), shown);
  record = crash(record, shown, 10);
  EXPECT_FALSE(crash_guard({}, record).holds(shown.root));
  record = crash(crash(record, shown), shown);
  EXPECT_FALSE(crash_guard({}, record).holds(shown.root)) << "the count began anew";
  crash_guard guard({}, record);
  guard.activate(shown, at_second(0));
  guard.end();
  EXPECT_FALSE(crash_guard({}, guard.encode()).holds(shown.root));
}

TEST(crash_guard, another_generation_begins_a_count_of_its_own) {
  auto record = crash(crash({}, head_with(1)), head_with(1));
  record = crash(record, head_with(2));
  record = crash(record, head_with(1));
  const crash_guard guard({}, record);
  EXPECT_FALSE(guard.holds(head_with(1).root));
  EXPECT_FALSE(guard.holds(head_with(2).root));
}

TEST(crash_guard, lifting_lets_everything_in_again) {
  byte_vector record;
  for (int starts = 0; starts < 3; ++starts) record = crash(record, head_with(1));
  crash_guard guard({}, record);
  guard.lift_all();
  EXPECT_TRUE(guard.take_changed());
  EXPECT_FALSE(guard.holds(head_with(1).root));
  EXPECT_FALSE(crash_guard({}, guard.encode()).holds(head_with(1).root));
}

TEST(crash_guard, a_damaged_record_counts_as_nothing) {
  byte_vector record;
  for (int starts = 0; starts < 3; ++starts) record = crash(record, head_with(1));
  const auto held = crash_guard({}, record).encode();
  ASSERT_TRUE(crash_guard({}, held).holds(head_with(1).root));
  for (std::size_t cut = 0; cut < held.size(); ++cut)
    EXPECT_FALSE(crash_guard({}, byte_span(held).first(cut)).holds(head_with(1).root)) << cut;
  auto longer = held;
  longer.push_back({});
  EXPECT_FALSE(crash_guard({}, longer).holds(head_with(1).root));
}

TEST(crash_guard, with_no_limit_nothing_is_held_or_kept) {
  byte_vector record;
  for (int starts = 0; starts < 3; ++starts) record = crash(record, head_with(1));
  crash_guard guard({seconds(10), 0}, record);
  EXPECT_FALSE(guard.holds(head_with(1).root));
  (void)guard.take_changed();
  guard.activate(head_with(1), at_second(0));
  EXPECT_FALSE(guard.take_changed());
}

TEST(crash_guard, remembers_a_bounded_number) {
  byte_vector record;
  for (unsigned root = 1; root <= crash_guard::held_max + 5; ++root)
    for (int starts = 0; starts < 3; ++starts)
      record = crash(record, head_with(static_cast<std::uint8_t>(root)));
  const crash_guard guard({}, record);
  EXPECT_EQ(guard.held().size(), crash_guard::held_max);
  EXPECT_FALSE(guard.holds(head_with(1).root)) << "the oldest goes";
}

}  // namespace
}  // namespace graphite
