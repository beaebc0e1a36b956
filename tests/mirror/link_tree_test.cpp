#include "platform/mirror/link_tree.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "core/content.hpp"
#include "platform/mirror/mirror_tree.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

namespace fs = std::filesystem;

using test::path_of;

class link_tree_test : public ::testing::Test {
 protected:
  link_tree_test() : home_(::open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY)) {
    write("one", "first");
    write("two", "second");
  }
  void write(const std::string& name, const std::string& bytes) {
    std::ofstream(folder_.path() + "/" + name) << bytes;
  }
  std::string shown(const std::string& name) {
    std::ifstream file(folder_.path() + "/tree/" + name);
    std::stringstream out;
    out << file.rdbuf();
    return out.str();
  }
  std::size_t names_in_home() {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()));
  }

  test::temporary_folder folder_;
  owned_fd home_;
  link_tree tree_ = *link_tree::open(home_.get(), "tree");
};

TEST_F(link_tree_test, replaces_a_file_whether_or_not_it_was_said_to_be_there) {
  for (const bool over : {false, true}) {
    ASSERT_TRUE(tree_.place(path_of("a/b"), "one", over));
    EXPECT_EQ(shown("a/b"), "first");
    ASSERT_TRUE(tree_.place(path_of("a/b"), "two", over));
    EXPECT_EQ(shown("a/b"), "second");
    ASSERT_TRUE(tree_.place(path_of("a/b"), "two", over));  // the same once more
    EXPECT_EQ(shown("a/b"), "second");
    ASSERT_TRUE(tree_.remove(path_of("a/b")));
  }
  EXPECT_EQ(names_in_home(), 3u);  // one, two, tree: nothing is left over
}

TEST_F(link_tree_test, readers_that_have_the_old_file_open_keep_it) {
  ASSERT_TRUE(tree_.place(path_of("a"), "one"));
  std::ifstream before(folder_.path() + "/tree/a");
  ASSERT_TRUE(tree_.place(path_of("a"), "two", true));
  std::string bytes;
  before >> bytes;
  EXPECT_EQ(bytes, "first");
}

TEST_F(link_tree_test, a_link_that_a_crash_left_is_no_obstacle) {
  write("link.tmp", "torn");
  ASSERT_TRUE(tree_.place(path_of("a"), "one", true));
  write("link.tmp", "torn");
  ASSERT_TRUE(tree_.place(path_of("a"), "two"));
  EXPECT_EQ(shown("a"), "second");
}

TEST_F(link_tree_test, somebody_elses_folder_in_the_place_of_a_file_is_left_alone) {
  fs::create_directories(folder_.path() + "/tree/a");
  std::ofstream(folder_.path() + "/tree/a/notes") << "mine";
  EXPECT_FALSE(tree_.place(path_of("a"), "one", true));
  EXPECT_EQ(shown("a/notes"), "mine");
  ASSERT_TRUE(tree_.place(path_of("b"), "two", true));  // and does not stand in the way of others
}

class mirror_flip_test : public ::testing::Test {
 protected:
  mirror_flip_test() {
    mirror_options options;
    options.folder = folder_.path();
    options.check = [](const content_ref&, byte_span) { return true; };
    tree_ = std::move(*mirror_tree::open(std::move(options)));
  }
  content_ref content(std::uint8_t number) {
    content_ref out;
    out.id.bytes.fill(number);
    out.size = 1;
    return out;
  }
  void show(std::uint8_t number) {
    mirror_change change;
    const byte_vector bytes(1, static_cast<std::byte>(number));
    ASSERT_TRUE(tree_->objects().put(content(number), bytes));
    change.shown = {{path_of("a"), content(number)}};
    change.from_nothing = number == 1;
    if (number > 1) change.replaced = {{path_of("a"), content(static_cast<std::uint8_t>(number - 1))}};
    ASSERT_TRUE(tree_->swap(std::move(change)));
    while (tree_->tidy()) {
    }
    tree_->clear_staging();
  }
  char shown() { return static_cast<char>(std::ifstream(folder_.path() + "/current/a").get()); }
  ino_t link() {
    struct stat info {};
    return ::lstat((folder_.path() + "/current").c_str(), &info) == 0 ? info.st_ino : 0;
  }

  test::temporary_folder folder_;
  std::unique_ptr<mirror_tree> tree_;
};

TEST_F(mirror_flip_test, flips_make_no_file_but_two_links) {
  std::set<ino_t> links;
  for (std::uint8_t i = 1; i <= 20; ++i) {
    show(i);
    EXPECT_EQ(shown(), i);
    links.insert(link());
  }
  EXPECT_LE(links.size(), 2u);
}

TEST_F(mirror_flip_test, syncs_what_is_shown_and_not_all_that_was) {
  for (std::uint8_t i = 1; i <= 100; ++i) show(i);
  ASSERT_TRUE(tree_->needs_sync());
  auto job = tree_->begin_sync();
  EXPECT_LE(job.contents.size(), 2u) << "the tree that is not shown has the content before";
  EXPECT_EQ(std::count(job.contents.begin(), job.contents.end(), content(100)), 1);
  EXPECT_FALSE(tree_->needs_sync());
  tree_->give_back(job);
  show(101);
  job = tree_->begin_sync();
  EXPECT_EQ(std::count(job.contents.begin(), job.contents.end(), content(101)), 1);
  EXPECT_EQ(std::count(job.contents.begin(), job.contents.end(), content(99)), 0);
  ASSERT_TRUE(tree_->run(job));
  ASSERT_TRUE(tree_->end_sync(job));
  EXPECT_FALSE(tree_->needs_sync());
}

TEST_F(mirror_flip_test, a_link_that_points_elsewhere_is_not_flipped_to) {
  show(1);
  show(2);
  fs::remove(folder_.path() + "/.graphite/current.tmp");
  fs::create_symlink("/elsewhere", folder_.path() + "/.graphite/current.tmp");
  show(3);
  EXPECT_EQ(shown(), 3);
  fs::remove(folder_.path() + "/current");
  show(4);
  EXPECT_EQ(shown(), 4);
}

}  // namespace
}  // namespace graphite
