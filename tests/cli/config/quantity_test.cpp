#include "cli/config/quantity.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

TEST(quantity, reads_durations) {
  EXPECT_EQ(parse_duration("50 ms")->count(), 50);
  EXPECT_EQ(parse_duration("2s")->count(), 2000);
  EXPECT_EQ(parse_duration("1.5 min")->count(), 90'000);
  EXPECT_EQ(parse_duration("0.25 s")->count(), 250);
  EXPECT_EQ(parse_duration("1 h")->count(), 3'600'000);
}

TEST(quantity, reads_sizes) {
  EXPECT_EQ(*parse_size("4 GiB"), 4 * GiB);
  EXPECT_EQ(*parse_size("1.5 KiB"), 1536u);
  EXPECT_EQ(*parse_size("10 MB"), 10'000'000u);
  EXPECT_EQ(*parse_size("0 B"), 0u);
}

TEST(quantity, says_what_unit_was_meant) {
  EXPECT_NE(parse_duration("5 secs").error().context.find("did you mean 's'?"), std::string::npos);
  EXPECT_NE(parse_duration("5 m").error().context.find("did you mean 'min'?"), std::string::npos);
  EXPECT_NE(parse_size("5 G").error().context.find("did you mean 'GiB'?"), std::string::npos);
  EXPECT_NE(parse_size("5").error().context.find("no unit"), std::string::npos);
  EXPECT_NE(parse_size("5 ms").error().context.find("known units: B KiB"), std::string::npos);
}

TEST(quantity, refuses_what_is_no_number_or_too_large) {
  for (const auto* bad :
       {"", "ms", "-1 ms", ". ms", "1.2.3 s", "1e3 s", "0.0001 ms", "99999999999999999999 h", "1 ms x"})
    EXPECT_FALSE(parse_duration(bad)) << bad;
  EXPECT_FALSE(parse_size("999999999999999 TiB"));
}

TEST(quantity, texts_read_back) {
  for (const auto value : {0, 1, 999, 1000, 1500, 60'000, 90'000, 3'600'000})
    EXPECT_EQ(parse_duration(duration_text(milliseconds(value)))->count(), value)
        << duration_text(milliseconds(value));
  for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{1}, KiB, KiB + 1, 3 * GiB})
    EXPECT_EQ(*parse_size(size_text(value)), value);
  EXPECT_EQ(size_text(4 * GiB), "4 GiB");
  EXPECT_EQ(duration_text(milliseconds(2000)), "2 s");
}

}  // namespace
}  // namespace graphite
