#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/bundle/snapshot_support.hpp"

// Snapshots that build_snapshot() would not have made: whoever reads them is told so, and soon.

namespace graphite {
namespace {

using namespace test;
using kind = snapshot_entry::kind;

/// What the walk through the tree at `root` ends with.
errc end_of(object_shelf& shelf, const content_ref& root, const snapshot_limits& limits = {}) {
  const auto read = shelf.diff({}, root, limits);
  EXPECT_FALSE(read);
  return read ? errc::io : read.error().code;
}

/// A folder with many names as it should be: its root, and one list of it.
struct split_folder {
  object_shelf shelf;
  snapshot_branches branches;

  split_folder() {
    file_tree tree;
    for (int i = 0; i < 1'000; ++i) tree["n" + std::to_string(i)] = {file_content(1)};
    const auto root = build_snapshot(files_of(tree), sha(), shelf.sink()).value();
    branches = std::get<snapshot_branches>(decode_snapshot_object(shelf.objects.at(root)).value());
  }
  snapshot_entries list(std::size_t which) {
    return std::get<snapshot_entries>(
        decode_snapshot_object(shelf.objects.at(branches[which].object)).value());
  }
};

TEST(hostile_snapshot, a_sound_one_is_read) {
  split_folder folder;
  const auto root = folder.shelf.keep(folder.branches);
  EXPECT_EQ(folder.shelf.diff({}, root)->size(), 1'000u);
}

TEST(hostile_snapshot, bytes_that_are_not_those_of_the_name_are_refused) {
  object_shelf shelf;
  const auto root = shelf.keep(snapshot_entries{{"a", kind::file, file_content(1)}});
  const auto other = shelf.keep(snapshot_entries{{"b", kind::file, file_content(1)}});
  shelf.objects[root] = shelf.objects[other];
  EXPECT_EQ(end_of(shelf, root), errc::corrupt);
}

TEST(hostile_snapshot, an_object_that_nobody_asked_for_is_refused) {
  object_shelf shelf;
  const auto root = shelf.keep(snapshot_entries{});
  auto walk = snapshot_diff::between({}, root, sha()).value();
  EXPECT_EQ(walk.supply(root, shelf.objects[root]).error().code, errc::invalid_argument);
  EXPECT_EQ(walk.wanted(8).size(), 1u);
  EXPECT_TRUE(walk.supply(root, shelf.objects[root]));
  EXPECT_EQ(walk.supply(root, shelf.objects[root]).error().code, errc::invalid_argument);
}

TEST(hostile_snapshot, a_root_that_is_too_large_to_be_one_is_never_asked_for) {
  const content_ref large{file_content(1).id, snapshot_limits::object_bytes_max + 1};
  EXPECT_EQ(snapshot_diff::between({}, large, sha()).error().code, errc::corrupt);
  EXPECT_EQ(snapshot_diff::between(large, {}, sha()).error().code, errc::corrupt);
  object_shelf shelf;
  EXPECT_EQ(end_of(shelf, shelf.keep(snapshot_entries{{"d", kind::folder, large}})), errc::corrupt);
}

TEST(hostile_snapshot, an_empty_folder_below_the_root_is_refused) {
  object_shelf shelf;
  const auto empty = shelf.keep(snapshot_entries{});
  EXPECT_EQ(end_of(shelf, shelf.keep(snapshot_entries{{"d", kind::folder, empty}})), errc::corrupt);
}

TEST(hostile_snapshot, a_split_of_what_fits_into_one_object_is_refused) {
  object_shelf shelf;
  const auto list = shelf.keep(snapshot_entries{{"a", kind::file, file_content(1)}});
  EXPECT_EQ(end_of(shelf, shelf.keep(snapshot_branches{{3, list, 100}})), errc::corrupt);
}

TEST(hostile_snapshot, a_list_with_other_bytes_than_its_parent_says_is_refused) {
  split_folder folder;
  auto branches = folder.branches;
  ++branches[0].list_bytes;
  EXPECT_EQ(end_of(folder.shelf, folder.shelf.keep(branches)), errc::corrupt);
}

TEST(hostile_snapshot, a_name_in_another_part_than_its_own_is_refused) {
  split_folder folder;
  auto branches = folder.branches;
  ASSERT_GT(branches.size(), 2u);
  std::swap(branches[0].object, branches[1].object);
  std::swap(branches[0].list_bytes, branches[1].list_bytes);
  EXPECT_EQ(end_of(folder.shelf, folder.shelf.keep(branches)), errc::corrupt);
  // The same name in two parts would be two files of one path.
  branches = folder.branches;
  auto list = folder.list(1);
  const auto guest = folder.list(0).front();
  list.insert(std::lower_bound(list.begin(), list.end(), guest), guest);
  branches[1].object = folder.shelf.keep(list);
  branches[1].list_bytes = list_bytes_of(list);
  EXPECT_EQ(end_of(folder.shelf, folder.shelf.keep(branches)), errc::corrupt);
}

TEST(hostile_snapshot, a_part_that_is_split_beyond_the_last_digit_is_refused) {
  object_shelf shelf;
  auto below = shelf.keep(snapshot_entries{{"a", kind::file, file_content(1)}});
  for (int i = 0; i < 20; ++i) below = shelf.keep(snapshot_branches{{0, below, 17'000}});
  EXPECT_EQ(end_of(shelf, below), errc::corrupt);
  EXPECT_LE(shelf.fetched, 18u);
}

TEST(hostile_snapshot, folders_in_each_other_end_where_the_limit_says) {
  object_shelf shelf;
  auto below = shelf.keep(snapshot_entries{{"a", kind::file, file_content(1)}});
  for (int i = 0; i < 400; ++i) below = shelf.keep(snapshot_entries{{"d", kind::folder, below}});
  EXPECT_EQ(end_of(shelf, below), errc::too_large);
  EXPECT_LE(shelf.fetched, snapshot_limits::folders_deep_max + 1);
}

TEST(hostile_snapshot, paths_that_are_too_long_are_refused) {
  object_shelf shelf;
  auto below = shelf.keep(snapshot_entries{{"a", kind::file, file_content(1)}});
  for (int i = 0; i < 8; ++i)
    below = shelf.keep(snapshot_entries{{std::string(200, 'd'), kind::folder, below}});
  EXPECT_EQ(end_of(shelf, below), errc::corrupt);
}

/// Twenty objects that say there are more files than atoms.
TEST(hostile_snapshot, a_few_objects_that_unfold_into_endless_files_end_at_the_limits) {
  object_shelf shelf;
  snapshot_entries names;
  for (int i = 0; i < 100; ++i) names.push_back({fmt::format("f{:03}", i), kind::file, file_content(1)});
  auto below = shelf.keep(names);
  for (int i = 0; i < 20; ++i) {
    for (auto& one : names) one = {one.name, kind::folder, below};
    below = shelf.keep(names);
  }
  snapshot_limits limits;
  limits.files_max = 50'000;
  EXPECT_EQ(end_of(shelf, below, limits), errc::too_large);
  limits.files_max = 10'000'000;
  limits.objects_max = 3'000;
  EXPECT_EQ(end_of(shelf, below, limits), errc::too_large);
  limits.objects_max = 10'000'000;
  limits.waiting_max = 1'000;
  EXPECT_EQ(end_of(shelf, below, limits), errc::too_large);
}

}  // namespace
}  // namespace graphite
