// Contents on their way into a mirror: what was cut off, and what becomes of it.

#include "platform/mirror/object_folder.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/support/small_mount.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t mega = 1'000'000;

class object_folder_test : public ::testing::Test {
 protected:
  object_folder_test() { open(folder_.path()); }
  /// As a new process does.
  void open(const std::string& path) {
    home_ = owned_fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    objects_ = std::make_unique<object_folder>(*object_folder::open(home_.get()));
    ASSERT_TRUE(objects_->check_staging([](const content_ref&, byte_span) { return true; }));
  }
  static content_ref content(std::uint8_t number, std::uint64_t size) {
    content_ref out;
    out.id.bytes.fill(number);
    out.size = size;
    return out;
  }
  static byte_vector bytes(std::uint8_t value, std::size_t count) {
    return byte_vector(count, static_cast<std::byte>(value));
  }
  /// An attempt that ends after `count` bytes.
  void cut_off(const content_ref& content, std::size_t count) {
    auto writer = *objects_->begin(content);
    ASSERT_TRUE(writer->append(bytes(7, count)));
  }
  std::size_t staged() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder_.path() + "/staging"), fs::directory_iterator()));
  }

  test::temporary_folder folder_;
  owned_fd home_;
  std::unique_ptr<object_folder> objects_;
};

TEST_F(object_folder_test, an_attempt_goes_on_in_the_file_of_the_one_before) {
  const auto large = content(1, 3 * mega);
  cut_off(large, 2 * mega);
  open(folder_.path());
  EXPECT_FALSE(objects_->has(large));
  auto writer = *objects_->begin(large);
  auto found = bytes(0, mega);
  ASSERT_TRUE(writer->left_before(0, found));
  EXPECT_EQ(found, bytes(7, mega));
  ASSERT_TRUE(writer->append(found));
  ASSERT_TRUE(writer->left_before(mega, found));
  EXPECT_FALSE(writer->left_before(0, found)) << "what is appended is read, and not left";
  ASSERT_TRUE(writer->append(bytes(8, mega))) << "it was something else";
  EXPECT_FALSE(writer->left_before(2 * mega, found));
  ASSERT_TRUE(writer->append(bytes(9, mega)));
  ASSERT_TRUE(writer->finish(bytes(1, 40)));
  writer.reset();
  EXPECT_TRUE(objects_->has(large));
  for (const std::uint8_t third : {0, 1, 2}) {
    ASSERT_TRUE(objects_->read(large, third * mega, found));
    EXPECT_EQ(found, bytes(static_cast<std::uint8_t>(7 + third), mega));
  }
  struct stat info {};
  const auto name = folder_.path() + "/staging/" + to_hex(large.id);
  ASSERT_EQ(::stat(name.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777u, 0444u);
  EXPECT_EQ(staged(), 2u) << "the content and its list";
}

TEST_F(object_folder_test, what_was_left_beyond_the_end_is_not_of_the_content) {
  const auto large = content(1, 3 * mega), shorter = content(1, 2 * mega);
  cut_off(large, 3 * mega);
  auto writer = *objects_->begin(shorter);
  ASSERT_TRUE(writer->append(bytes(5, 2 * mega)));
  ASSERT_TRUE(writer->finish(bytes(1, 40)));
  EXPECT_TRUE(objects_->has(shorter));
}

/// Somebody to whom what is read-only is so, while it lives: root may write to anything.
class anybody {
 public:
  explicit anybody(const std::string& folder) {
    if (::geteuid() != 0) return;
    for (const char* inside : {"", "/staging", "/objects"})
      EXPECT_EQ(::chown((folder + inside).c_str(), nobody, nobody), 0);
    EXPECT_EQ(::seteuid(nobody), 0);
    was_root_ = true;
  }
  ~anybody() {
    if (!was_root_) return;
    EXPECT_EQ(::seteuid(0), 0);
  }

 private:
  static constexpr uid_t nobody = 65'534;
  bool was_root_ = false;
};

TEST_F(object_folder_test, a_part_that_is_read_only_already_is_no_obstacle) {
  const anybody not_root(folder_.path());
  const auto large = content(1, 3 * mega);
  cut_off(large, 2 * mega);
  fs::permissions(folder_.path() + "/staging/" + to_hex(large.id) + ".part", fs::perms::owner_read);
  auto writer = objects_->begin(large);
  ASSERT_TRUE(writer);
  auto found = bytes(0, mega);
  EXPECT_TRUE((*writer)->left_before(0, found));
  EXPECT_TRUE((*writer)->append(found));
}

TEST_F(object_folder_test, little_and_what_is_not_wanted_is_not_kept) {
  cut_off(content(1, 3 * mega), 100'000);
  EXPECT_EQ(staged(), 0u);
  auto writer = *objects_->begin(content(2, 3 * mega));
  ASSERT_TRUE(writer->append(bytes(7, 2 * mega)));
  EXPECT_EQ(objects_->begin(content(2, 3 * mega)).error().code, errc::busy);
  writer->forget();
  EXPECT_EQ(staged(), 0u);
  writer.reset();
  EXPECT_EQ(staged(), 0u);
}

TEST_F(object_folder_test, only_the_newest_stay_and_clearing_leaves_what_a_writer_is_at) {
  const auto kept = object_folder::cut_off_max;
  for (std::uint8_t i = 0; i < kept + 3; ++i) cut_off(content(i, 3 * mega), 2 * mega);
  EXPECT_EQ(staged(), kept + 3);
  open(folder_.path());
  EXPECT_EQ(staged(), kept);
  auto writer = *objects_->begin(content(99, 3 * mega));
  ASSERT_TRUE(writer->append(bytes(7, mega)));
  objects_->clear_staging();
  EXPECT_EQ(staged(), 1u);
  ASSERT_TRUE(writer->append(bytes(7, 2 * mega)));
  ASSERT_TRUE(writer->finish(bytes(1, 40)));
  EXPECT_TRUE(objects_->has(content(99, 3 * mega)));
}

TEST_F(object_folder_test, on_a_full_disk_what_was_cut_off_makes_room) {
  const test::small_mount disk(4 * mega);
  if (!disk.mounted()) GTEST_SKIP() << "no right to mount";
  open(disk.path());
  cut_off(content(1, 3 * mega), 3 * mega);
  EXPECT_EQ(objects_->put(content(2, 2 * mega), bytes(7, 2 * mega)).error().code, errc::out_of_space);
  EXPECT_TRUE(objects_->put(content(2, 2 * mega), bytes(7, 2 * mega)));
  cut_off(content(3, 3 * mega), mega + mega / 2);
  auto writer = *objects_->begin(content(4, 3 * mega));
  EXPECT_EQ(writer->append(bytes(7, mega)).error().code, errc::out_of_space);
  EXPECT_TRUE(writer->append(bytes(7, mega)));
}

}  // namespace
}  // namespace graphite
