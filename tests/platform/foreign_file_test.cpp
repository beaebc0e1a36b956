#include "platform/linux/foreign_file.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <atomic>
#include <thread>

#include "tests/support/small_mount.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

struct foreign_file : testing::Test {
  result<void> replace(const std::string& path, std::string_view text) {
    return replace_foreign_file(path, std::as_bytes(std::span(text)));
  }
  std::set<std::string> names() const {
    std::set<std::string> out;
    for (const auto& one : std::filesystem::directory_iterator(folder.path()))
      out.insert(one.path().filename().string());
    return out;
  }
  static ::mode_t mode_of(const std::string& path) {
    struct ::stat found {};
    return ::stat(path.c_str(), &found) == 0 ? found.st_mode & 07777 : 0;
  }

  test::temporary_folder folder;
};

TEST_F(foreign_file, is_replaced_or_made_and_nothing_else_stays) {
  ASSERT_TRUE(replace(folder / "a", "first"));
  EXPECT_EQ(folder.read("a"), "first");
  ASSERT_TRUE(replace(folder / "a", ""));
  EXPECT_EQ(folder.read("a"), "");
  ASSERT_TRUE(replace(folder / "a", std::string(100'000, 'x')));
  EXPECT_EQ(folder.read("a").size(), 100'000u);
  EXPECT_EQ(names(), std::set<std::string>{"a"});
}

TEST_F(foreign_file, names_that_others_use_are_left_alone) {
  for (const auto name : {"a.tmp", ".a.tmp", "a~", ".graphite-0123456789abcdef.tmp"})
    folder.write(name, "mine");
  ASSERT_TRUE(replace(folder / "a", "text"));
  for (const auto name : {"a.tmp", ".a.tmp", "a~", ".graphite-0123456789abcdef.tmp"})
    EXPECT_EQ(folder.read(name), "mine");
  EXPECT_EQ(names().size(), 5u);
}

TEST_F(foreign_file, who_has_the_old_one_open_keeps_it) {
  folder.write("a", "old");
  std::ifstream before(folder / "a");
  ASSERT_TRUE(replace(folder / "a", "new"));
  std::string text;
  before >> text;
  EXPECT_EQ(text, "old");
}

TEST_F(foreign_file, keeps_the_permissions_and_a_new_one_has_those_of_the_umask) {
  folder.write("a", "old");
  ASSERT_EQ(::chmod((folder / "a").c_str(), 04751), 0);
  ASSERT_TRUE(replace(folder / "a", "new"));
  EXPECT_EQ(mode_of(folder / "a"), 0751u) << "but not to run as its owner";
  const auto mask = ::umask(027);
  ASSERT_TRUE(replace(folder / "b", "new"));
  ::umask(mask);
  EXPECT_EQ(mode_of(folder / "b"), 0640u);
}

TEST_F(foreign_file, links_are_followed_and_stay) {
  folder.write("below/a", "old");
  folder.link("below/a", "link");
  folder.link("link", "again");
  ASSERT_TRUE(replace(folder / "again", "new"));
  EXPECT_EQ(folder.read("below/a"), "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "again"));
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  folder.link("nowhere", "dangling");
  EXPECT_EQ(replace(folder / "dangling", "x").error().code, errc::not_found);
  folder.link("circle", "circle");
  EXPECT_FALSE(replace(folder / "circle", "x"));
}

TEST_F(foreign_file, what_is_no_regular_file_is_refused_and_stays) {
  folder.make_folder("folder");
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  folder.link("pipe", "link");
  // Never the machine's own /dev/null: a mistake would take it away.
  std::set<std::string> all = {"folder", "pipe", "link"};
  if (::mknod((folder / "device").c_str(), S_IFCHR | 0600, ::makedev(1, 3)) == 0) all.insert("device");
  for (const auto& name : all)
    EXPECT_EQ(replace(folder / name, "x").error().code, errc::invalid_argument) << name;
  EXPECT_EQ(names(), all);
}

TEST_F(foreign_file, says_what_is_wrong) {
  folder.write("a", "x");
  EXPECT_EQ(replace(folder / "none/b", "x").error().code, errc::not_found);
  EXPECT_EQ(replace(folder / "a/b", "x").error().code, errc::not_found);
  EXPECT_EQ(replace("", "x").error().code, errc::not_found);
  EXPECT_EQ(replace(folder / std::string(300, 'n'), "x").error().code, errc::invalid_argument);
  EXPECT_TRUE(replace(folder / std::string(255, 'n'), "x")) << "as long as a name may be";
  const auto nothing = ::mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  EXPECT_EQ(replace_foreign_file(folder / "a", {static_cast<const std::byte*>(nothing), 4096}).error().code,
            errc::invalid_argument);
  EXPECT_EQ(folder.read("a"), "x");
  EXPECT_EQ(names().size(), 2u);
}

TEST_F(foreign_file, a_full_disk_leaves_the_old_one_and_no_other) {
  const test::small_mount disk(64 << 10);
  if (!disk.mounted()) GTEST_SKIP() << "no right to mount";
  ASSERT_TRUE(replace(disk.path() + "/a", "old"));
  EXPECT_EQ(replace(disk.path() + "/a", std::string(1 << 20, 'x')).error().code, errc::out_of_space);
  std::ifstream in(disk.path() + "/a");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(disk.path()), {}), 1);
}

TEST_F(foreign_file, many_may_replace_one_and_readers_see_a_whole_one) {
  constexpr std::size_t size = 20'000;
  ASSERT_TRUE(replace(folder / "a", std::string(size, 'a')));
  std::atomic<bool> done{false};
  std::atomic<int> failed{0};
  std::vector<std::thread> writers;
  for (const char letter : {'b', 'c', 'd'})
    writers.emplace_back([&, letter] {
      for (int i = 0; i < 50; ++i)
        if (!replace(folder / "a", std::string(size, letter))) ++failed;
    });
  std::thread reader([&] {
    while (!done) {
      const auto text = folder.read("a");
      if (text.size() != size || text.find_first_not_of(text[0]) != std::string::npos) ++failed;
    }
  });
  for (auto& writer : writers) writer.join();
  done = true;
  reader.join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(names(), std::set<std::string>{"a"});
}

}  // namespace
}  // namespace graphite
