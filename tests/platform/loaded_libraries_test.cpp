#include "platform/linux/loaded_libraries.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace graphite {
namespace {

using testing::ElementsAre;
using testing::MatchesRegex;
using testing::Pair;

TEST(loaded_libraries, are_found_by_their_whole_name) {
  const auto found = loaded_libraries({"libc", "libstdc++", "libnone"});
  EXPECT_THAT(found, ElementsAre(Pair("libc.so.6", MatchesRegex("[0-9a-f]{16}")),
                                 Pair("libstdc++.so.6", MatchesRegex("[0-9a-f]{16}"))));
  EXPECT_NE(found.begin()->second, found.rbegin()->second);
  EXPECT_EQ(loaded_libraries({"libc", "libstdc++"}), found);
  EXPECT_TRUE(loaded_libraries({}).empty());
  EXPECT_TRUE(loaded_libraries({"lib"}).empty()) << "no beginning of a name";
}

}  // namespace
}  // namespace graphite
