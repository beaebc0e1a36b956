#include "runtime/settle_timer.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

constexpr duration pause = milliseconds(100);
const time_point start{seconds(7)};

TEST(settle_timer, is_due_after_a_pause_since_the_last_change) {
  settle_timer timer(pause);
  EXPECT_EQ(timer.due(), time_point::max());
  timer.changed(start);
  EXPECT_EQ(timer.due(), start + pause);
  timer.changed(start + milliseconds(99));
  EXPECT_EQ(timer.due(), start + milliseconds(199));
  timer.done();
  EXPECT_EQ(timer.due(), time_point::max());
}

TEST(settle_timer, changes_without_end_put_it_off_only_so_long) {
  settle_timer timer(pause);
  for (auto now = start; now < start + seconds(5); now += milliseconds(50)) timer.changed(now);
  EXPECT_EQ(timer.due(), start + settle_timer::pauses_max * pause);
  timer.done();
  timer.changed(start + seconds(6));
  EXPECT_EQ(timer.due(), start + seconds(6) + pause) << "each look has a bound of its own";
}

TEST(settle_timer, without_a_pause_a_change_is_due_at_once) {
  settle_timer timer(duration::zero());
  timer.changed(start);
  EXPECT_EQ(timer.due(), start);
}

}  // namespace
}  // namespace graphite
