#include "coordinator/cluster/result_window.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace graphite {
namespace {

TEST(result_window, acknowledges_up_to_the_first_that_is_not_safe) {
  result_window window;
  EXPECT_EQ(window.next(), 1u);
  EXPECT_EQ(window.acknowledged(), 0u);
  for (std::uint64_t number = 1; number <= 4; ++number) EXPECT_EQ(window.came(), number);
  EXPECT_FALSE(window.safe(2));
  EXPECT_EQ(window.acknowledged(), 0u) << "the first is not safe";
  EXPECT_TRUE(window.safe(1));
  EXPECT_EQ(window.acknowledged(), 2u);
  EXPECT_FALSE(window.safe(4));
  EXPECT_TRUE(window.safe(3));
  EXPECT_EQ(window.acknowledged(), 4u);
  EXPECT_EQ(window.open(), 0u);
  EXPECT_EQ(window.next(), 5u);
}

TEST(result_window, agrees_with_a_set_of_numbers) {
  std::mt19937 random(5);
  result_window window;
  std::set<std::uint64_t> open;
  for (int step = 0; step < 20'000; ++step) {
    if (open.empty() || random() % 2 == 0) {
      open.insert(window.came());
    } else {
      auto one = open.begin();
      std::advance(one, static_cast<long>(random() % open.size()));
      const auto number = *one;
      open.erase(one);
      window.safe(number);
    }
    ASSERT_EQ(window.acknowledged(), open.empty() ? window.next() - 1 : *open.begin() - 1);
  }
}

}  // namespace
}  // namespace graphite
