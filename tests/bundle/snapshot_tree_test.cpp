#include "bundle/snapshot_tree.hpp"

#include <gtest/gtest.h>

#include <random>

#include "tests/bundle/snapshot_support.hpp"

namespace graphite {
namespace {

using namespace test;

/// A tree beside the plain list of its files, whose objects are brought to a shelf as they are told.
class changing_tree {
 public:
  /// As a watcher tells it: what is in the way of a file goes in the same revision.
  void put(const std::string& name, const snapshot_change::state& state) {
    for (auto slash = name.find('/'); slash != name.npos; slash = name.find('/', slash + 1))
      erase(name.substr(0, slash));
    for (const auto& [other, known] : file_tree(files_))
      if (other.starts_with(name + "/")) erase(other);
    files_[name] = state;
    const auto put = tree_.put(path(name), state.content, state.executable);
    EXPECT_TRUE(put) << put.error().context;
  }
  void erase(const std::string& name) { EXPECT_EQ(tree_.erase(path(name)), files_.erase(name) != 0) << name; }
  content_ref root() {
    std::set<std::string> told;
    fresh_ = 0;
    const auto made = tree_.root([&](snapshot_tree::changed_folder&& folder) {
      EXPECT_TRUE(told.insert(folder.path).second) << folder.path << " twice";
      fresh_ += folder.fresh.size();
      for (auto& [name, bytes] : folder.fresh) {
        EXPECT_TRUE(std::binary_search(folder.objects.begin(), folder.objects.end(), name));
        sink_(name, std::move(bytes));
      }
      if (folder.objects.empty())
        objects_.erase(folder.path);
      else
        objects_[folder.path] = folder.objects;
    });
    EXPECT_TRUE(made) << made.error().context;
    return made.value_or(content_ref{});
  }
  const file_tree& files() const { return files_; }
  std::size_t fresh() const { return fresh_; }
  snapshot_tree& tree() { return tree_; }
  object_shelf& shelf() { return shelf_; }
  const std::map<std::string, std::vector<content_ref>>& objects() const { return objects_; }

 private:
  snapshot_tree tree_{sha()};
  object_shelf shelf_;
  snapshot_sink sink_ = shelf_.sink();
  file_tree files_;
  std::map<std::string, std::vector<content_ref>> objects_;
  std::size_t fresh_ = 0;
};

TEST(snapshot_tree, of_no_files_is_an_empty_root) {
  changing_tree tree;
  object_shelf shelf;
  EXPECT_EQ(tree.root(), build_snapshot({}, sha(), shelf.sink()));
}

TEST(snapshot_tree, is_the_snapshot_of_its_files_whatever_the_history) {
  std::mt19937_64 random(7);
  changing_tree tree;
  for (int round = 0; round < 300; ++round) {
    for (auto changes = 1 + random() % 12; changes > 0; --changes) {
      std::string name;
      for (auto deep = random() % 4; deep > 0; --deep) name += "f" + std::to_string(random() % 3) + "/";
      name +=
          random() % 2 == 0 ? "f" + std::to_string(random() % 3) : "file" + std::to_string(random() % 900);
      if (random() % 4 == 0)
        tree.erase(name);
      else
        tree.put(name, {file_content(random() % 5), random() % 2 == 0});
    }
    const auto root = tree.root();
    object_shelf whole;
    ASSERT_EQ(root, build_snapshot(files_of(tree.files()), sha(), whole.sink())) << "round " << round;
    ASSERT_EQ(tree.tree().files(), tree.files().size());
    // What was told is enough to read all of it.
    const auto read = tree.shelf().diff({}, root);
    ASSERT_TRUE(read) << read.error().context;
    ASSERT_EQ(read->size(), tree.files().size());
    ASSERT_EQ(tree.root(), root);
    ASSERT_EQ(tree.fresh(), 0U);
  }
}

TEST(snapshot_tree, of_a_change_makes_the_objects_above_it) {
  changing_tree tree;
  for (int i = 0; i < 5'000; ++i)
    tree.put("d/large/file" + std::to_string(i), {file_content(static_cast<std::uint64_t>(i)), false});
  for (int i = 0; i < 50; ++i) tree.put("other/" + std::to_string(i) + "/x", {file_content(1), false});
  tree.root();
  EXPECT_GT(tree.fresh(), 30U);
  tree.put("d/large/file77", {file_content(99'999), false});
  tree.root();
  EXPECT_GE(tree.fresh(), 4U) << "a part of the folder and the branches to it, two folders above it";
  EXPECT_LE(tree.fresh(), 6U);
  tree.put("d/large/file77", {file_content(99'999), false});
  tree.root();
  EXPECT_EQ(tree.fresh(), 0U);
}

TEST(snapshot_tree, a_look_into_a_folder_finds_what_is_there) {
  changing_tree tree;
  for (int i = 0; i < 2'000; ++i)
    tree.put("d/file" + std::to_string(i), {file_content(static_cast<std::uint64_t>(i)), i % 2 == 0});
  tree.put("d/sub/x", {file_content(1), false});
  tree.root();
  const auto look = tree.tree().look_into("d");
  EXPECT_EQ(look.files.size(), 2'000U);
  EXPECT_EQ(look.folders, std::vector<std::string>{"d/sub"});
  std::vector<content_ref> names;
  for (const auto& [name, bytes] : look.objects) {
    EXPECT_EQ(name_of_object(bytes, sha()), name);
    names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, tree.objects().at("d"));
  EXPECT_TRUE(tree.tree().look_into("e").objects.empty());
}

TEST(snapshot_tree, refuses_a_file_in_the_place_of_a_folder) {
  snapshot_tree tree(sha());
  ASSERT_TRUE(tree.put(path("a/b"), file_content(1), false));
  EXPECT_EQ(tree.put(path("a"), file_content(1), false).error().code, errc::invalid_argument);
  EXPECT_EQ(tree.put(path("a/b/c"), file_content(1), false).error().code, errc::invalid_argument);
  EXPECT_TRUE(tree.erase(path("a/b")));
  EXPECT_TRUE(tree.put(path("a"), file_content(1), false));
  EXPECT_EQ(tree.files(), 1U);
}

TEST(snapshot_tree, names_that_differ_only_in_case_are_told_until_one_goes) {
  snapshot_tree tree(sha());
  const auto nobody = [](snapshot_tree::changed_folder&&) {};
  ASSERT_TRUE(tree.put(path("d/Rock"), file_content(1), false));
  ASSERT_TRUE(tree.put(path("d/rock"), file_content(1), false));
  EXPECT_EQ(tree.root(nobody).error().code, errc::invalid_argument);
  EXPECT_EQ(tree.root(nobody).error().code, errc::invalid_argument);
  EXPECT_TRUE(tree.erase(path("d/Rock")));
  EXPECT_TRUE(tree.root(nobody));
}

TEST(snapshot_tree, is_bounded_in_files_and_depth) {
  snapshot_limits limits;
  limits.files_max = 2;
  snapshot_tree tree(sha(), limits);
  EXPECT_TRUE(tree.put(path("a"), file_content(1), false));
  EXPECT_TRUE(tree.put(path("b"), file_content(1), false));
  EXPECT_EQ(tree.put(path("c"), file_content(1), false).error().code, errc::too_large);
  EXPECT_TRUE(tree.put(path("b"), file_content(2), false)) << "one that is there";
  std::string deep;
  for (int i = 0; i < 200; ++i) deep += "d/";
  snapshot_tree other(sha());
  EXPECT_EQ(other.put(path(deep + "x"), file_content(1), false).error().code, errc::too_large);
  EXPECT_EQ(other.files(), 0U);
  EXPECT_TRUE(other.root([](auto&&) {}));
}

}  // namespace
}  // namespace graphite
