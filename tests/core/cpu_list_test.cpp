#include "core/cpu_list.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

TEST(cpu_list, is_read_as_the_kernel_writes_it) {
  EXPECT_EQ(*parse_cpu_list("0-3,8\n"), (std::vector{0, 1, 2, 3, 8}));
  EXPECT_EQ(*parse_cpu_list("7"), std::vector{7});
  EXPECT_EQ(*parse_cpu_list("\n"), std::vector<int>{});
  EXPECT_EQ(*parse_cpu_list(""), std::vector<int>{});
}

TEST(cpu_list, is_sorted_and_has_each_once) {
  EXPECT_EQ(*parse_cpu_list("5,1-3,2-4,1"), (std::vector{1, 2, 3, 4, 5}));
}

TEST(cpu_list, has_no_limit_of_1024) {
  const auto many = *parse_cpu_list("1000-1100,8191");
  EXPECT_EQ(many.size(), 102u);
  EXPECT_EQ(many.back(), 8191);
}

TEST(cpu_list, refuses_what_is_none) {
  for (const auto* text : {"a", "1-", "-1", "3-1", "1,,2", "1,", ",1", "0x3", "1 2", "65536", "0-4294967295",
                           "99999999999999999999", "1-2-3", "+1"})
    EXPECT_EQ(parse_cpu_list(text).error().code, errc::invalid_argument) << text;
}

TEST(cpu_list, refuses_one_that_repeats_itself_without_end) {
  std::string text = "0-65535";
  for (int i = 0; i < 100; ++i) text += ",0-65535";
  EXPECT_EQ(parse_cpu_list(text).error().code, errc::invalid_argument);
}

TEST(cpu_list, is_written_with_ranges) {
  EXPECT_EQ(format_cpu_list(std::vector{0, 1, 2, 3, 8, 10, 11}), "0-3,8,10-11");
  EXPECT_EQ(format_cpu_list(std::vector{4}), "4");
  EXPECT_EQ(format_cpu_list(std::vector<int>{}), "none");
}

}  // namespace
}  // namespace graphite
