#include "coordinator/output_names.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

using indices = std::vector<artefact_index>;
using index_set = std::set<artefact_index>;

TEST(name_claims, are_known_by_name_and_by_action) {
  name_claims claims;
  claims.add(7, 1);
  claims.add(3, 1);
  claims.add(7, 2);
  EXPECT_EQ(claims.of(1), (std::set<action_index>{3, 7}));
  EXPECT_TRUE(claims.any_of(7));
  EXPECT_EQ(claims.withdraw(7), (indices{1, 2}));
  EXPECT_FALSE(claims.any_of(7));
  EXPECT_EQ(claims.of(1), (std::set<action_index>{3}));
  EXPECT_TRUE(claims.of(2).empty());
}

TEST(name_claims, count_once_however_often_they_are_made) {
  name_claims claims;
  claims.add(7, 1);
  claims.add(7, 1);
  EXPECT_EQ(claims.withdraw(7), (indices{1}));
  EXPECT_TRUE(claims.withdraw(7).empty());
}

TEST(former_outputs, keep_their_main_input_until_the_last_is_gone) {
  former_outputs former;
  former.add(1, 50);
  former.add(2, 50);
  former.add(3, 60);
  EXPECT_EQ(former.of(50), (index_set{1, 2}));
  EXPECT_EQ(former.mains(), (indices{50, 60}));
  EXPECT_EQ(former.remove(1), no_index) << "another one of it is left";
  EXPECT_EQ(former.remove(2), 50u);
  EXPECT_TRUE(former.of(50).empty());
  EXPECT_FALSE(former.has(2));
  EXPECT_EQ(former.remove(2), no_index);
}

TEST(former_outputs, belong_to_the_first_that_made_them) {
  former_outputs former;
  former.add(1, 50);
  former.add(1, 60);
  EXPECT_TRUE(former.of(60).empty());
  EXPECT_EQ(former.remove(1), 50u);
}

}  // namespace
}  // namespace graphite
