#include "coordinator/cluster/recipe_numbers.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

TEST(recipe_numbers, tells_a_recipe_once) {
  recipe_numbers numbers(3);
  const auto first = numbers.number_of(recipe_id{70});
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->fresh);
  EXPECT_EQ(first->number, 0u);
  EXPECT_FALSE(numbers.number_of(recipe_id{70})->fresh);
  EXPECT_EQ(numbers.number_of(recipe_id{71})->number, 1u);
  numbers.next_message();
  EXPECT_FALSE(numbers.number_of(recipe_id{70})->fresh) << "it is known for the session";
}

TEST(recipe_numbers, replaces_what_was_not_used_for_longest) {
  recipe_numbers numbers(2);
  numbers.number_of(recipe_id{1});
  numbers.number_of(recipe_id{2});
  numbers.next_message();
  numbers.number_of(recipe_id{1});
  const auto third = numbers.number_of(recipe_id{3});
  ASSERT_TRUE(third);
  EXPECT_TRUE(third->fresh);
  EXPECT_EQ(third->number, 1u) << "that of 2";
  EXPECT_EQ(numbers.number_of(recipe_id{1})->number, 0u);
  numbers.next_message();
  EXPECT_TRUE(numbers.number_of(recipe_id{2})->fresh) << "it has to be told again";
}

TEST(recipe_numbers, gives_no_number_away_that_the_message_in_hand_uses) {
  recipe_numbers numbers(2);
  numbers.number_of(recipe_id{1});
  numbers.number_of(recipe_id{2});
  EXPECT_FALSE(numbers.number_of(recipe_id{3}));
  EXPECT_TRUE(numbers.number_of(recipe_id{2}));
  numbers.next_message();
  EXPECT_TRUE(numbers.number_of(recipe_id{3}));
}

}  // namespace
}  // namespace graphite
