#include "platform/linux/loaded_libraries.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace graphite {
namespace {

using testing::ElementsAre;
using testing::MatchesRegex;
using testing::Pair;

TEST(loaded_libraries, are_found_by_their_whole_name) {
  const auto found = loaded_libraries({"libc", "libstdc++"}).value();
  EXPECT_THAT(found, ElementsAre(Pair("libc.so.6", MatchesRegex("[0-9a-f]{16}")),
                                 Pair("libstdc++.so.6", MatchesRegex("[0-9a-f]{16}"))));
  EXPECT_NE(found.begin()->second, found.rbegin()->second);
  EXPECT_EQ(loaded_libraries({"libc", "libstdc++"}).value(), found);
  EXPECT_TRUE(loaded_libraries({}).value().empty());
  for (const auto* name : {"lib", "libnone", ""})
    EXPECT_EQ(loaded_libraries({"libc", name}).error().code, errc::not_found) << name;
}

}  // namespace
}  // namespace graphite
