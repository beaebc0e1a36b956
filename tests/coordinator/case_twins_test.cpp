#include "coordinator/case_twins.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "core/logical_path.hpp"

namespace graphite {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

struct tree {
  case_twins::names add(const std::string& path) {
    files.insert(path);
    return twins.add(path);
  }
  case_twins::names remove(const std::string& path) {
    files.erase(path);
    return twins.remove(path);
  }
  std::set<std::string> shown() const {
    std::set<std::string> out;
    for (const auto& path : files)
      if (!twins.hides(path)) out.insert(path);
    return out;
  }
  std::set<std::string, std::less<>> files;
  case_twins twins{[this](std::string_view path) { return files.contains(path); }};
};

TEST(case_twins, both_files_are_left_out_and_one_comes_back) {
  tree t;
  EXPECT_THAT(t.add("d/a.txt"), IsEmpty());
  EXPECT_THAT(t.add("d/A.txt"), UnorderedElementsAre("d/a.txt", "d/A.txt"));
  EXPECT_EQ(t.twins.twin_of("d/A.txt"), "d/a.txt");
  EXPECT_THAT(t.shown(), IsEmpty());
  EXPECT_THAT(t.remove("d/a.txt"), UnorderedElementsAre("d/a.txt", "d/A.txt"));
  EXPECT_THAT(t.shown(), ElementsAre("d/A.txt"));
}

TEST(case_twins, a_folder_hides_all_below_it) {
  tree t;
  t.add("dir/deep/a.txt");
  t.add("rest");
  EXPECT_THAT(t.add("DIR/b.txt"), UnorderedElementsAre("dir", "DIR"));
  EXPECT_THAT(t.shown(), ElementsAre("rest"));
  EXPECT_THAT(t.add("DIR/c.txt"), IsEmpty());
  EXPECT_THAT(t.remove("DIR/b.txt"), IsEmpty());
  EXPECT_THAT(t.remove("DIR/c.txt"), UnorderedElementsAre("dir", "DIR"));
  EXPECT_THAT(t.shown(), ElementsAre("dir/deep/a.txt", "rest"));
}

TEST(case_twins, of_three_the_last_one_is_shown) {
  tree t;
  for (const auto* path : {"aa", "AA", "aA"}) t.add(path);
  EXPECT_THAT(t.remove("aa"), ElementsAre("aa"));
  EXPECT_THAT(t.shown(), IsEmpty());
  t.remove("AA");
  EXPECT_THAT(t.shown(), ElementsAre("aA"));
}

TEST(case_twins, a_file_and_a_folder_are_twins_too) {
  tree t;
  t.add("Thing");
  t.add("thing/inside");
  EXPECT_THAT(t.shown(), IsEmpty());
  t.remove("Thing");
  EXPECT_THAT(t.shown(), ElementsAre("thing/inside"));
}

/// Every pair of names of one folder that differ in case only, by comparing all with all.
std::set<std::string> shown_by_a_scan(const std::set<std::string, std::less<>>& files) {
  std::map<std::string, std::set<std::string>> names;  // by folder
  for (const auto& path : files)
    for (std::size_t end = 0; end != std::string::npos;) {
      end = path.find('/', end + 1);
      const auto name = path.substr(0, end);
      const auto slash = name.rfind('/');
      names[slash == std::string::npos ? "" : name.substr(0, slash)].insert(name);
    }
  std::set<std::string> hidden;
  for (const auto& [folder, all] : names)
    for (const auto& a : all)
      for (const auto& b : all)
        if (a != b && case_fold(a.substr(folder.size())) == case_fold(b.substr(folder.size())))
          hidden.insert(a);
  std::set<std::string> out;
  for (const auto& path : files) {
    bool visible = true;
    for (auto end = path.size(); end != std::string::npos && end > 0; end = path.rfind('/', end - 1))
      visible = visible && !hidden.contains(path.substr(0, end));
    if (visible) out.insert(path);
  }
  return out;
}

struct random_order : testing::TestWithParam<unsigned> {};

TEST_P(random_order, gives_what_a_scan_of_the_files_gives) {
  std::mt19937 random(GetParam());
  const auto pick = [&](const std::vector<std::string>& from) { return from[random() % from.size()]; };
  tree t;
  std::set<std::string> announced;  // by what add() and remove() said
  for (int i = 0; i < 4000; ++i) {
    std::string path = pick({"a", "A", "b", "é", "É"});
    for (auto depth = random() % 3; depth > 0; --depth)
      path = pick({"a", "A", "dir", "Dir", "DIR"}) + "/" + path;
    const auto changed = t.files.contains(path) ? t.remove(path) : t.add(path);
    for (const auto& name : changed)
      if (!announced.erase(name)) announced.insert(name);
    if (i % 7 != 0) continue;
    ASSERT_EQ(t.shown(), shown_by_a_scan(t.files)) << "after " << i;
    for (const auto& path_of : t.files) {
      bool said = false;
      for (auto end = path_of.size(); end != std::string::npos && end > 0; end = path_of.rfind('/', end - 1))
        said = said || announced.contains(path_of.substr(0, end));
      ASSERT_EQ(said, t.twins.hides(path_of)) << path_of << " after " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(seeds, random_order, testing::Values(1, 2, 3));

}  // namespace
}  // namespace graphite
