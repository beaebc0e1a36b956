#include "platform/linux/scratch_space.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/support/paths.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

namespace fs = std::filesystem;

using test::path_of;

class scratch_space_test : public testing::Test {
 protected:
  scratch_space_test() : space_(*disk_scratch_space::make(root_ / "scratch")) {}
  test::temporary_folder root_;
  std::unique_ptr<disk_scratch_space> space_;
};

TEST_F(scratch_space_test, files_go_in_and_are_listed_and_read) {
  const auto folder = *space_->create();
  ASSERT_TRUE((*folder->create(path_of("a/b/c.txt")))->write(as_bytes("hello")));
  ASSERT_TRUE(folder->create_folder_of(path_of("x/y/out.bin")));
  EXPECT_TRUE(fs::is_directory(folder->path() + "/x/y"));
  const auto listed = *folder->list(10);
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].path, "a/b/c.txt");
  EXPECT_EQ(listed[0].size, 5u);
  std::array<std::byte, 10> bytes;
  EXPECT_EQ(*(*folder->open(path_of("a/b/c.txt")))->read(bytes), 5u);
  EXPECT_EQ(folder->create(path_of("a/b/c.txt")).error().code, errc::already_exists);
  EXPECT_EQ(folder->open(path_of("none")).error().code, errc::not_found);
}

TEST_F(scratch_space_test, links_and_special_files_are_reported_not_followed) {
  const auto folder = *space_->create();
  std::ofstream(root_ / "secret") << "s";
  fs::create_symlink(root_ / "secret", folder->path() + "/file_link");
  fs::create_symlink(root_.path(), folder->path() + "/folder_link");
  ASSERT_EQ(::mkfifo((folder->path() + "/pipe").c_str(), 0600), 0);
  const auto listed = *folder->list(10);
  ASSERT_EQ(listed.size(), 3u);
  EXPECT_EQ(listed[0].kind, file_kind::link);
  EXPECT_EQ(listed[1].kind, file_kind::link);
  EXPECT_EQ(listed[2].kind, file_kind::special);
  EXPECT_EQ(folder->open(path_of("file_link")).error().code, errc::invalid_argument);
  EXPECT_EQ(folder->open(path_of("pipe")).error().code, errc::invalid_argument);
}

TEST_F(scratch_space_test, listing_is_bounded) {
  const auto folder = *space_->create();
  for (const auto* name : {"a", "b", "c"}) ASSERT_TRUE(folder->create(path_of(name)));
  EXPECT_EQ(folder->list(3)->size(), 3u);
  EXPECT_EQ(folder->list(2).error().code, errc::too_large);
}

TEST_F(scratch_space_test, everything_goes_but_what_links_point_to) {
  std::ofstream(root_ / "precious") << "p";
  std::string gone;
  {
    const auto folder = *space_->create();
    gone = folder->path();
    fs::create_directories(gone + "/deep/er");
    std::ofstream(gone + "/deep/er/file") << "x";
    fs::create_symlink(root_.path(), gone + "/deep/link");
    std::ofstream(folder->temporary_path() + "/rubbish") << "x";
    ::chmod((gone + "/deep/er").c_str(), 0);
    ::chmod((gone + "/deep").c_str(), 0500);
  }
  EXPECT_TRUE(fs::is_empty(gone));
  EXPECT_TRUE(fs::is_empty(fs::path(gone).parent_path() / "tmp"));
  space_.reset();
  EXPECT_TRUE(fs::is_empty(root_ / "scratch"));
  EXPECT_TRUE(fs::exists(root_ / "precious"));
}

TEST_F(scratch_space_test, a_folder_that_a_tool_took_away_is_made_again) {
  std::string name;
  {
    const auto folder = *space_->create();
    name = folder->path();
    fs::remove(name);
    fs::create_symlink(root_.path(), name);
  }
  EXPECT_TRUE(fs::exists(root_.path()));
  const auto folder = *space_->create();
  EXPECT_EQ(folder->path(), name);
  EXPECT_TRUE(fs::is_directory(fs::symlink_status(name)));
  EXPECT_TRUE(folder->list(1)->empty());
}

TEST_F(scratch_space_test, names_repeat_and_leftovers_of_a_killed_process_go) {
  const auto first = *space_->create();
  auto second = *space_->create();
  const auto name = second->path();
  EXPECT_NE(first->path(), name);
  second.reset();
  EXPECT_EQ((*space_->create())->path(), name);
  fs::create_directories(root_ / "other/0/work/left");
  const auto other = *disk_scratch_space::make(root_ / "other");
  EXPECT_TRUE((*other->create())->list(10)->empty());
  EXPECT_FALSE(disk_scratch_space::make("relative"));
}

}  // namespace
}  // namespace graphite
