#include "coordinator/cluster/requirement_table.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

TEST(requirement_table, is_met_by_nodes_that_have_all_of_it) {
  requirement_table table;
  table.offer(1, {"tool:cc=1", "prop:os=linux"});
  const auto cc = *table.intern({"prop:os=linux", "tool:cc=1"});
  const auto both = *table.intern({"tool:cc=1", "tool:ld=1"});
  EXPECT_EQ(*table.intern({"tool:cc=1", "prop:os=linux", "tool:cc=1"}), cc) << "in any order, once";
  EXPECT_NE(cc, both);
  EXPECT_TRUE(table.met(1, cc)) << "of a node that was there before";
  EXPECT_FALSE(table.met(1, both));
  EXPECT_FALSE(table.met(0, cc));
  EXPECT_FALSE(table.met(7, cc)) << "of a node that never said anything";
  table.offer(7, {"tool:ld=1", "tool:cc=1"});
  EXPECT_TRUE(table.met(7, both));
  EXPECT_FALSE(table.met(7, cc));
  table.offer(7, {});
  EXPECT_FALSE(table.met(7, both)) << "it says something else now";
}

TEST(requirement_table, nothing_is_required_of_anybody) {
  requirement_table table;
  EXPECT_EQ(*table.intern({}), 0u);
  EXPECT_TRUE(table.met(3, 0));
  EXPECT_TRUE(table.known(0));
  EXPECT_FALSE(table.known(1));
}

TEST(requirement_table, is_bounded) {
  requirement_table table;
  table.offer(0, {"x4096"});
  for (std::size_t i = 1; i <= requirement_table::requirements_max; ++i)
    ASSERT_TRUE(table.intern({"x" + std::to_string(i)}));
  EXPECT_EQ(table.intern({"y"}).error().code, errc::busy);
  EXPECT_EQ(*table.intern({"x7"}), 7u) << "a known one is still known";
  EXPECT_TRUE(table.met(0, 4'096));
}

}  // namespace
}  // namespace graphite
