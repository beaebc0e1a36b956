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

TEST(known_sources, a_whole_folder_replaces_what_was_known_of_it) {
  known_sources known;
  known.put("a/old", {});
  known.put("b/x", {});
  known.put_folder("a", {{"z", {}}, {"c", {}}, {"m", {}}});
  EXPECT_EQ(known.size(), 4u);
  EXPECT_EQ(known.find("a/old"), nullptr);
  ASSERT_EQ(known.files("a").size(), 3u);
  EXPECT_EQ(known.files("a")[0].name, "c");
  EXPECT_NE(known.find("a/m"), nullptr);
  known.put_folder("a", {});
  EXPECT_EQ(known.folders(""), std::vector<std::string>{"b"});
}

}  // namespace
}  // namespace graphite
