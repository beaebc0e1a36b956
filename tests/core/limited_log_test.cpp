#include "core/limited_log.hpp"

#include <gtest/gtest.h>

#include "tests/support/recording_log.hpp"

namespace graphite {
namespace {

TEST(limited_log, writes_as_much_as_it_may_and_counts_the_rest) {
  test::recording_log log;
  limited_log limited(&log, {1, 2}, "strangers");
  const time_point start = time_from_ns(1'000'000'000'000);
  for (int i = 0; i < 7; ++i) limited.write(log_level::warning, "a stranger", start);
  EXPECT_EQ(log.count("a stranger"), 2u);
  EXPECT_FALSE(log.contains("further"));
  limited.write(log_level::info, "another", start + seconds(1));
  EXPECT_TRUE(log.contains("5 further lines about strangers were not written"));
  EXPECT_TRUE(log.contains("another"));
  limited.write(log_level::info, "a third", start + seconds(2));
  EXPECT_EQ(log.count("further"), 1u) << "once";
}

TEST(limited_log, may_have_no_log) {
  limited_log limited(nullptr, {1, 1}, "strangers");
  limited.write(log_level::error, "unheard", time_point{});
}

}  // namespace
}  // namespace graphite
