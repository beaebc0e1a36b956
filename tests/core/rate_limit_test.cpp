#include "core/rate_limit.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

time_point at_ms(std::int64_t ms) { return time_point(seconds(1'000) + milliseconds(ms)); }

TEST(rate_limit, permits_a_burst_then_one_for_each_interval) {
  rate_limit limit({10, 3});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limit.take(at_ms(0)));
  EXPECT_FALSE(limit.take(at_ms(0)));
  EXPECT_FALSE(limit.take(at_ms(99)));
  EXPECT_TRUE(limit.take(at_ms(101)));
  EXPECT_FALSE(limit.take(at_ms(101)));
}

TEST(rate_limit, refills_to_its_burst_and_no_further) {
  rate_limit limit({1'000, 2});
  EXPECT_TRUE(limit.take(at_ms(0)));
  EXPECT_FALSE(limit.full(at_ms(0)));
  EXPECT_TRUE(limit.full(at_ms(60'000)));
  EXPECT_TRUE(limit.take(at_ms(60'000)));
  EXPECT_TRUE(limit.take(at_ms(60'000)));
  EXPECT_FALSE(limit.take(at_ms(60'000)));
}

TEST(rate_limit, tells_when_to_come_again) {
  rate_limit limit({4, 1});
  EXPECT_EQ(limit.wait(at_ms(0)), duration::zero());
  EXPECT_TRUE(limit.take(at_ms(0)));
  const auto wait = limit.wait(at_ms(0));
  EXPECT_NEAR(static_cast<double>(wait.count()), 250e6, 1e6);
  EXPECT_FALSE(limit.take(at_ms(0) + wait / 2));
  EXPECT_TRUE(limit.take(at_ms(0) + wait));
}

TEST(rate_limit, gains_nothing_from_time_that_runs_backwards) {
  rate_limit limit({1, 1});
  EXPECT_TRUE(limit.take(at_ms(10'000)));
  EXPECT_FALSE(limit.take(at_ms(0)));
  EXPECT_FALSE(limit.take(at_ms(10'500)));
  EXPECT_TRUE(limit.take(at_ms(11'001)));
}

}  // namespace
}  // namespace graphite
