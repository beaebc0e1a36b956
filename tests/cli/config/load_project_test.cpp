#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "cli/config/project_file.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

namespace fs = std::filesystem;

TEST(load_project, finds_the_file_in_the_folder_or_above) {
  const test::temporary_folder folder;
  folder.write("graphite.toml", "[project]\nname = 'x'");
  fs::create_directories(folder / "a/b");
  for (const auto* from : {"", "a", "a/b", "graphite.toml"}) {
    const auto loaded = load_project({folder / from, {}});
    ASSERT_TRUE(loaded) << loaded.error().context;
    EXPECT_EQ(loaded->name, "x");
    EXPECT_EQ(loaded->root, folder.path());
  }
}

TEST(load_project, says_what_to_do_where_there_is_none) {
  const test::temporary_folder folder;
  const auto loaded = load_project({folder.path(), {}});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, errc::not_found);
  EXPECT_NE(loaded.error().context.find("graphite init"), std::string::npos);
  EXPECT_EQ(load_project({folder / "nowhere", {}}).error().code, errc::not_found);
}

TEST(load_project, hands_all_mistakes_back_as_text) {
  const test::temporary_folder folder;
  folder.write("graphite.toml", "a = 1\nb = 2\n");
  const auto loaded = load_project({folder.path(), {}});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, errc::invalid_argument);
  EXPECT_NE(loaded.error().context.find("graphite.toml:1:1: error: unknown key 'a'"), std::string::npos);
  EXPECT_NE(loaded.error().context.find("graphite.toml:2:1: error: unknown key 'b'"), std::string::npos);
}

TEST(load_project, names_the_line_of_a_root_that_is_not_there) {
  const test::temporary_folder folder;
  folder.write("graphite.toml", "[sources]\nroot = 'nowhere'\n");
  const auto loaded = load_project({folder.path(), {}});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, errc::invalid_argument);
  EXPECT_NE(loaded.error().context.find("graphite.toml:2:"), std::string::npos) << loaded.error().context;
  EXPECT_NE(loaded.error().context.find("there is no folder"), std::string::npos);
  fs::create_directories(folder.path() + "/nowhere");
  EXPECT_TRUE(load_project({folder.path(), {}}));
}

TEST(load_project, refuses_a_folder_a_fifo_and_a_huge_file) {
  const test::temporary_folder folder;
  fs::create_directories(folder / "d/graphite.toml");
  EXPECT_FALSE(load_project({folder / "d", {}}));
  ASSERT_EQ(mkfifo((folder / "fifo").c_str(), 0600), 0);
  EXPECT_FALSE(load_project({folder / "fifo", {}}));
  folder.write("huge.toml", std::string(project_file_bytes_max + 1, '#'));
  EXPECT_EQ(load_project({folder / "huge.toml", {}}).error().code, errc::too_large);
}

}  // namespace
}  // namespace graphite
