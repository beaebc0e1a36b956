#include "platform/linux/memory_scratch.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

namespace fs = std::filesystem;

/// Over the machine's own tmpfs, in folders named after a folder of the test.
class memory_scratch_test : public testing::Test {
 protected:
  void SetUp() override {
    options_.owner = root_ / "state";
    options_.free_bytes_min = options_.free_bytes_low = 0;
    std::unique_ptr<scratch_space> disk = *disk_scratch_space::make(root_ / "scratch");
    if (const auto usable = memory_scratch_space::make(options_, disk); !usable)
      GTEST_SKIP() << "NOT TESTED: " << usable.error().context;
  }

  result<std::unique_ptr<memory_scratch_space>> make() {
    std::unique_ptr<scratch_space> disk = *disk_scratch_space::make(root_ / "scratch");
    return memory_scratch_space::make(options_, disk);
  }
  bool on_disk(const scratch_folder& folder) const { return folder.path().starts_with(root_ / "scratch"); }
  std::string folder_in_memory() {
    auto space = *make();
    const auto made = *space->create();
    return fs::path(made->path()).parent_path().parent_path();
  }

  test::temporary_folder root_;
  memory_scratch_options options_;
};

TEST_F(memory_scratch_test, small_attempts_are_in_memory_and_others_on_the_disk) {
  options_.input_bytes_max = 100;
  const auto space = *make();
  const auto small = *space->create({.input_bytes = 100}), large = *space->create({.input_bytes = 101});
  const auto roomy = *space->create({.input_bytes = 1, .roomy = true});
  EXPECT_TRUE(small->path().starts_with("/dev/shm/graphite-"));
  EXPECT_EQ(small->file_bytes_max(), options_.file_bytes_max);
  EXPECT_TRUE(on_disk(*large));
  EXPECT_TRUE(on_disk(*roomy));
  EXPECT_EQ(large->file_bytes_max(), 0u);
  EXPECT_FALSE(large->short_of_space());
}

TEST_F(memory_scratch_test, little_free_memory_means_the_disk) {
  options_.free_bytes_min = std::uint64_t{1} << 60;
  EXPECT_TRUE(on_disk(**(*make())->create()));
}

TEST_F(memory_scratch_test, next_to_no_space_is_told) {
  EXPECT_FALSE((*(*make())->create())->short_of_space());
  options_.free_bytes_low = std::uint64_t{1} << 60;
  EXPECT_TRUE((*(*make())->create())->short_of_space());
}

TEST_F(memory_scratch_test, leaves_nothing_behind) { EXPECT_FALSE(fs::exists(folder_in_memory())); }

TEST_F(memory_scratch_test, what_a_killed_process_left_is_removed_and_what_a_living_one_holds_is_not) {
  const auto own = folder_in_memory();
  const auto dead = own + "dead", held = own + "held";
  fs::create_directories(dead + "/0/work/deep");
  fs::create_directories(held + "/0/work");
  std::ofstream(dead + "/0/work/deep/file") << "x";
  const int holder = ::open(held.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ASSERT_EQ(::flock(holder, LOCK_EX | LOCK_NB), 0);
  { const auto space = *make(); }
  EXPECT_FALSE(fs::exists(dead));
  EXPECT_TRUE(fs::exists(held + "/0/work"));
  ::close(holder);
  { const auto space = *make(); }
  EXPECT_FALSE(fs::exists(held));
}

TEST_F(memory_scratch_test, two_spaces_of_one_state_never_share_a_folder) {
  const auto space = *make();
  EXPECT_EQ(make().error().code, errc::unsupported);
}

TEST_F(memory_scratch_test, a_link_in_its_place_is_not_followed) {
  const auto own = folder_in_memory();
  fs::create_directory(root_ / "victim");
  std::ofstream(root_ / "victim/file") << "x";
  fs::create_directory_symlink(root_ / "victim", own);
  EXPECT_EQ(make().error().code, errc::unsupported);
  EXPECT_TRUE(fs::exists(root_ / "victim/file"));
  fs::remove(own);
}

TEST_F(memory_scratch_test, a_folder_that_is_no_tmpfs_is_refused_and_the_disk_stays_usable) {
  options_.shared = "/proc";
  std::unique_ptr<scratch_space> disk = *disk_scratch_space::make(root_ / "scratch");
  EXPECT_EQ(memory_scratch_space::make(options_, disk).error().code, errc::unsupported);
  ASSERT_NE(disk, nullptr);
  EXPECT_TRUE(disk->create());
}

}  // namespace
}  // namespace graphite
