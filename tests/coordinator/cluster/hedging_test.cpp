#include "coordinator/cluster/hedging.hpp"

#include <gtest/gtest.h>

#include "coordinator/cluster/timer_queue.hpp"
#include "tests/support/seeded_random.hpp"

namespace graphite {
namespace {

TEST(hedging, is_patient_by_what_is_known) {
  const hedging hedges({});
  EXPECT_FALSE(hedges.patience(0, std::nullopt)) << "nobody knows what is slow";
  EXPECT_EQ(hedges.patience(0, 3'000'000'000), seconds(6));
  EXPECT_EQ(hedges.patience(1'000'000'000, 9'000'000'000), seconds(2)) << "its own time is better known";
  EXPECT_EQ(hedges.patience(0, 20'000), milliseconds(200)) << "at least";
  EXPECT_GT(*hedges.patience(~std::uint64_t{0}, std::nullopt), seconds(1'000));
}

TEST(hedging, second_attempts_have_a_share_and_one_always) {
  const hedging hedges({});
  EXPECT_TRUE(hedges.may_add(1'000, 0, 2'000));
  EXPECT_FALSE(hedges.may_add(1'000, 1'000, 2'000));
  EXPECT_FALSE(hedges.may_add(1'000, 1'000, 39'000));
  EXPECT_TRUE(hedges.may_add(1'000, 1'000, 40'000));
}

TEST(hedging, rechecks_as_many_as_asked_and_the_same_ones) {
  test::seeded_random random(3);
  const hedging none({}), some({.recheck_ppm = 100'000}), all({.recheck_ppm = 1'000'000});
  int chosen = 0;
  for (int i = 0; i < 10'000; ++i) {
    digest key;
    for (auto& byte : key.bytes) byte = static_cast<std::uint8_t>(random.next());
    EXPECT_FALSE(none.rechecks(key));
    EXPECT_TRUE(all.rechecks(key));
    EXPECT_EQ(some.rechecks(key), some.rechecks(key));
    chosen += some.rechecks(key) ? 1 : 0;
  }
  EXPECT_NEAR(chosen, 1'000, 120);
}

TEST(timer_queue, gives_what_is_due_in_order) {
  timer_queue<int> timers;
  const auto at = [](int ms) { return time_from_ns(0) + milliseconds(ms); };
  EXPECT_FALSE(timers.next());
  timers.put(at(5), 1);
  timers.put(at(3), 2);
  timers.put(at(5), 3);
  EXPECT_EQ(timers.next(), at(3));
  EXPECT_FALSE(timers.take_due(at(2)));
  EXPECT_EQ(timers.take_due(at(9)), 2);
  EXPECT_EQ(timers.take_due(at(9)), 1);
  EXPECT_EQ(timers.take_due(at(9)), 3);
  EXPECT_FALSE(timers.take_due(at(9)));
}

}  // namespace
}  // namespace graphite
