#include "coordinator/source_filter.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace graphite {
namespace {

project make_project(std::vector<std::string> include = {}, std::vector<std::string> ignore = {}) {
  project p;
  p.root = "/home/a/game";
  p.state = "/home/a/game/.graphite";
  for (const auto& g : include) p.include.push_back(glob::parse(g).value());
  for (const auto& g : ignore) p.ignore.push_back(glob::parse(g).value());
  return p;
}

TEST(source_filter, everything_is_a_source_but_what_is_ours_or_gits) {
  const source_filter filter(make_project());
  EXPECT_TRUE(filter.is_source("a.png"));
  EXPECT_TRUE(filter.is_source("deep/er/b.png"));
  EXPECT_FALSE(filter.is_source(".graphite/head"));
  EXPECT_FALSE(filter.is_source(".git/HEAD"));
  EXPECT_FALSE(filter.is_source("sub/module/.git/HEAD"));
  EXPECT_FALSE(filter.is_source("sub/module/.git"));
  EXPECT_FALSE(filter.is_source("graphite.toml"));
  EXPECT_TRUE(filter.is_source("examples/graphite.toml"));
  EXPECT_TRUE(filter.is_source(".graphite2/head"));
}

TEST(source_filter, without_recursion_only_files_of_the_root_are_sources) {
  auto p = make_project();
  p.watch.recursive = false;
  const source_filter filter(p);
  EXPECT_TRUE(filter.is_source("a.png"));
  EXPECT_FALSE(filter.is_source("deep/b.png"));
  EXPECT_TRUE(filter.prunes("deep"));
  EXPECT_FALSE(filter.prunes(""));
  EXPECT_EQ(filter.role_of(".git/index.lock"), path_role::git_lock);
  EXPECT_EQ(filter.role_of(".gitignore"), path_role::ignore_file);
}

TEST(source_filter, a_state_folder_elsewhere_hides_nothing) {
  auto p = make_project();
  p.state = "/home/a/game-state";
  EXPECT_TRUE(source_filter(p).is_source(".graphite/head"));
  p.state = "/home/a/game/out/state/";
  EXPECT_FALSE(source_filter(p).is_source("out/state/head"));
  EXPECT_TRUE(source_filter(p).prunes("out/state"));
  EXPECT_FALSE(source_filter(p).prunes("out"));
}

TEST(source_filter, the_git_lock_has_its_own_role_though_git_is_pruned) {
  const source_filter filter(make_project());
  EXPECT_EQ(filter.role_of(".git/index.lock"), path_role::git_lock);
  EXPECT_EQ(filter.role_of("sub/.git/index.lock"), path_role::none);
  EXPECT_TRUE(filter.prunes(".git"));
}

TEST(source_filter, include_and_ignore_globs_decide) {
  const source_filter filter(make_project({"art/**", "*.wav"}, {"*.tmp", "old/**", "cache"}));
  EXPECT_TRUE(filter.is_source("art/a.png"));
  EXPECT_TRUE(filter.is_source("x/a.wav"));
  EXPECT_FALSE(filter.is_source("x/a.png"));
  EXPECT_FALSE(filter.is_source("art/a.tmp"));
  EXPECT_FALSE(filter.is_source("old/a.wav"));
  EXPECT_FALSE(filter.is_source("art/cache/a.png"));
  EXPECT_TRUE(filter.prunes("art/cache"));
  EXPECT_TRUE(filter.prunes("art/cache/deeper"));
}

TEST(source_filter, folders_that_no_include_can_reach_are_pruned) {
  const source_filter filter(make_project({"art/**"}));
  EXPECT_TRUE(filter.prunes("code"));
  EXPECT_FALSE(filter.prunes("art/deep"));
  EXPECT_FALSE(filter.prunes(""));
}

TEST(source_filter, ignore_files_come_and_go) {
  source_filter filter(make_project());
  filter.set_ignore_file("", "*.bak\nbuild/\n");
  filter.set_ignore_file("art", "!keep.bak\n");
  EXPECT_FALSE(filter.is_source("a.bak"));
  EXPECT_TRUE(filter.is_source("art/keep.bak"));
  EXPECT_FALSE(filter.is_source("build/a.png"));
  EXPECT_TRUE(filter.prunes("build"));
  filter.set_ignore_file("", "");
  EXPECT_TRUE(filter.is_source("a.bak"));
  filter.set_ignore_file("art", "*.png\n");
  EXPECT_FALSE(filter.is_source("art/a.png"));
  filter.drop_ignore_file("art");
  EXPECT_TRUE(filter.is_source("art/a.png"));
}

TEST(source_filter, ignore_files_have_their_role_unless_they_do_not_count) {
  source_filter filter(make_project());
  EXPECT_EQ(filter.role_of(".gitignore"), path_role::ignore_file);
  EXPECT_EQ(filter.role_of("art/.gitignore"), path_role::ignore_file);
  filter.set_ignore_file("", "build/\n");
  EXPECT_EQ(filter.role_of("build/.gitignore"), path_role::none);
  auto without = make_project();
  without.gitignore = false;
  source_filter off(without);
  off.set_ignore_file("", "*.png\n");
  EXPECT_TRUE(off.is_source("a.png"));
  EXPECT_EQ(off.role_of(".gitignore"), path_role::none);
}

TEST(source_filter, a_walk_is_told_the_same_without_a_look_at_the_folders_above) {
  source_filter filter(make_project({"**/*.png", "data/**"}, {"**/old", "*.tmp", "**/.git/**", "data/x/*"}));
  filter.set_ignore_file("", "*.log\n/top\n!keep.log\nbuild/\n");
  filter.set_ignore_file("data", "*.bak\n!*.log\n");
  const std::vector<std::string> names{"a.png", "b.tmp",      "old",           "x",          "data",
                                       "c.log", "keep.log",   "top",           "build",      ".git",
                                       "e.bak", ".gitignore", "graphite.toml", "index.lock", ".graphite"};
  const std::function<void(const std::string&, int)> walk = [&](const std::string& folder, int depth) {
    for (const auto& name : names) {
      const auto path = folder.empty() ? name : folder + "/" + name;
      EXPECT_EQ(filter.role_in_walk(path), filter.role_of(path)) << path;
      if (depth < 3 && !filter.prunes(path)) walk(path, depth + 1);
    }
  };
  walk("", 0);
}

}  // namespace
}  // namespace graphite
