#include "coordinator/known_sources.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

TEST(known_sources, a_file_in_the_place_of_a_folder_displaces_what_was_below_it) {
  known_sources known;
  for (const auto* path : {"a/b", "a/c/d", "a-b", "a.txt", "ab/x", "other"}) known.put(path, {});
  EXPECT_EQ(known.displaced_by("a"), (std::vector<std::string>{"a/b", "a/c/d"}));
  EXPECT_TRUE(known.displaced_by("new").empty());
}

TEST(known_sources, a_file_below_a_former_file_displaces_it) {
  known_sources known;
  for (const auto* path : {"a", "b/c", "bb"}) known.put(path, {});
  EXPECT_EQ(known.displaced_by("a/x/y"), (std::vector<std::string>{"a"}));
  EXPECT_EQ(known.displaced_by("b/c/d"), (std::vector<std::string>{"b/c"}));
}

}  // namespace
}  // namespace graphite
