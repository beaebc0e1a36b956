#include "bundle/tree_snapshot.hpp"

#include <gtest/gtest.h>

#include <random>

#include "tests/bundle/snapshot_support.hpp"

namespace graphite {
namespace {

using namespace test;

result<content_ref> snapshot_of(object_shelf& shelf, const file_tree& tree) {
  return build_snapshot(files_of(tree), sha(), shelf.sink());
}

/// What a walk through the whole snapshot finds.
file_tree read_back(object_shelf& shelf, const content_ref& root) {
  file_tree out;
  const auto files = shelf.diff({}, root);
  EXPECT_TRUE(files) << files.error().context;
  if (!files) return out;
  for (const auto& one : *files) {
    EXPECT_FALSE(one.before);
    out[one.path.str()] = *one.after;
  }
  return out;
}

std::vector<snapshot_change> naive_diff(const file_tree& before, const file_tree& after) {
  std::map<std::string, snapshot_change> out;
  for (const auto& [name, state] : before) out.insert({name, {path(name), state, {}}});
  for (const auto& [name, state] : after)
    out.insert({name, {path(name), {}, {}}}).first->second.after = state;
  std::vector<snapshot_change> changes;
  for (const auto& [name, change] : out)
    if (change.before != change.after) changes.push_back(change);
  return changes;
}

/// Few names, so that files become folders and folders files; some folders are large.
std::string random_name(std::mt19937_64& random) {
  std::string out;
  for (auto deep = random() % 3; deep > 0; --deep) out += "f" + std::to_string(random() % 3) + "/";
  return out +
         (random() % 2 == 0 ? "f" + std::to_string(random() % 3) : "file" + std::to_string(random() % 900));
}

/// No file where a folder is.
void put(file_tree& tree, const std::string& name, snapshot_change::state state) {
  for (auto slash = name.find('/'); slash != name.npos; slash = name.find('/', slash + 1))
    tree.erase(name.substr(0, slash));
  std::erase_if(tree, [&](const auto& one) { return one.first.starts_with(name + "/"); });
  tree[name] = state;
}

TEST(tree_snapshot, files_come_back_as_they_were) {
  object_shelf shelf;
  const file_tree tree{{"a.txt", {file_content(1), false}},
                       {"a/b.txt", {file_content(2), true}},
                       {"a.b/c", {file_content(3, 0), false}},
                       {"z/y/x/w.png", {file_content(4, 1'000'000), false}}};
  const auto root = snapshot_of(shelf, tree);
  ASSERT_TRUE(root) << root.error().context;
  EXPECT_EQ(read_back(shelf, *root), tree);
  EXPECT_EQ(shelf.objects.size(), 6u);  // the root, a, a.b, z, y, x
}

TEST(tree_snapshot, one_of_no_files_is_an_empty_folder) {
  object_shelf shelf;
  const auto root = snapshot_of(shelf, {});
  ASSERT_TRUE(root);
  EXPECT_TRUE(read_back(shelf, *root).empty());
}

TEST(tree_snapshot, equal_folders_are_one_object_in_any_order_of_files) {
  object_shelf shelf;
  auto files = files_of({{"a/x", {file_content(1)}}, {"b/x", {file_content(1)}}, {"c", {file_content(2)}}});
  const auto root = build_snapshot(files, sha(), shelf.sink());
  EXPECT_EQ(shelf.objects.size(), 2u);
  std::reverse(files.begin(), files.end());
  EXPECT_EQ(build_snapshot(files, sha(), shelf.sink()).value(), root.value());
}

TEST(tree_snapshot, names_that_cannot_be_told_apart_are_refused_with_both) {
  object_shelf shelf;
  const auto refused = [&](const file_tree& tree, const std::string& text) {
    const auto root = snapshot_of(shelf, tree);
    ASSERT_FALSE(root);
    EXPECT_EQ(root.error().code, errc::invalid_argument);
    EXPECT_EQ(root.error().context, text);
  };
  refused({{"d/Tux.png", {file_content(1)}}, {"d/tux.png", {file_content(1)}}},
          "'d/Tux.png' and 'd/tux.png' differ only in case");
  refused({{"Maps/a", {file_content(1)}}, {"maps/b", {file_content(1)}}},
          "'Maps' and 'maps' differ only in case");
  refused({{"a", {file_content(1)}}, {"a/b", {file_content(1)}}}, "'a' is there twice");
  const snapshot_file one{path("same"), file_content(1)};
  EXPECT_EQ(build_snapshot({one, one}, sha(), shelf.sink()).error().context, "'same' is there twice");
}

TEST(tree_snapshot, too_many_files_or_folders_in_each_other_are_refused) {
  object_shelf shelf;
  std::string deep;
  for (int i = 0; i < 128; ++i) deep += "d/";
  EXPECT_TRUE(snapshot_of(shelf, {{deep + "a", {file_content(1)}}}));
  EXPECT_EQ(snapshot_of(shelf, {{deep + "d/a", {file_content(1)}}}).error().code, errc::too_large);
  snapshot_limits limits;
  limits.files_max = 1;
  const auto two = files_of({{"a", {file_content(1)}}, {"b", {file_content(1)}}});
  EXPECT_EQ(build_snapshot(two, sha(), shelf.sink(), limits).error().code, errc::too_large);
}

TEST(tree_snapshot, a_folder_with_many_names_splits_and_a_change_costs_a_few_objects) {
  object_shelf shelf;
  file_tree tree;
  for (int i = 0; i < 20'000; ++i) tree["maps/tile-" + std::to_string(i) + ".png"] = {file_content(1)};
  const auto before = snapshot_of(shelf, tree).value();
  for (const auto& [name, bytes] : shelf.objects) EXPECT_LE(bytes.size(), snapshot_limits::object_bytes_max);
  EXPECT_EQ(read_back(shelf, before), tree);
  tree["maps/tile-777.png"] = {file_content(2)};
  tree.erase("maps/tile-4.png");
  const auto all = shelf.objects.size();
  const auto after = snapshot_of(shelf, tree).value();
  EXPECT_LE(shelf.objects.size() - all, 6u);
  shelf.fetched = 0;
  const auto changes = shelf.diff(before, after);
  ASSERT_TRUE(changes) << changes.error().context;
  EXPECT_EQ(changes->size(), 2u);
  EXPECT_LE(shelf.fetched, 12u);
}

TEST(tree_snapshot, equal_snapshots_differ_in_nothing_and_nothing_is_asked_for) {
  object_shelf shelf;
  const auto root = snapshot_of(shelf, {{"a/b", {file_content(1)}}}).value();
  EXPECT_TRUE(shelf.diff(root, root)->empty());
  EXPECT_EQ(shelf.fetched, 0u);
}

TEST(tree_snapshot, differences_of_random_trees_are_those_of_their_files) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 60; ++round) {
    object_shelf shelf;
    file_tree before;
    const auto files = random() % 4 == 0 ? 2'000 : random() % 60;
    for (std::uint64_t i = 0; i < files; ++i)
      put(before, random_name(random), {file_content(random() % 4), random() % 8 == 0});
    auto after = before;
    for (auto edits = random() % 30; edits > 0; --edits) {
      const auto name = random_name(random);
      if (random() % 3 == 0)
        after.erase(name);
      else
        put(after, name, {file_content(random() % 4), random() % 8 == 0});
    }
    const auto old = snapshot_of(shelf, before), now = snapshot_of(shelf, after);
    ASSERT_TRUE(old && now);
    EXPECT_EQ(*old == *now, before == after);
    const auto changes = shelf.diff(*old, *now);
    ASSERT_TRUE(changes) << changes.error().context;
    EXPECT_EQ(*changes, naive_diff(before, after)) << "round " << round;
    EXPECT_EQ(read_back(shelf, *now), after);
  }
}

TEST(tree_snapshot, what_is_written_is_read_the_same_and_nothing_else_is_read) {
  const snapshot_object list = snapshot_entries{{"a", snapshot_entry::kind::file, file_content(1)},
                                                {"b", snapshot_entry::kind::folder, file_content(2)},
                                                {"c", snapshot_entry::kind::program, file_content(3)}};
  const auto bytes = encode_snapshot_object(list);
  EXPECT_EQ(decode_snapshot_object(bytes).value(), list);
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_FALSE(decode_snapshot_object(byte_span(bytes).first(length))) << length;
  auto longer = bytes;
  longer.push_back(std::byte{0});
  EXPECT_EQ(decode_snapshot_object(longer).error().code, errc::corrupt);
  auto newer = bytes;
  newer[0] = std::byte{2};
  EXPECT_EQ(decode_snapshot_object(newer).error().code, errc::newer_version);
  EXPECT_EQ(decode_snapshot_object(byte_vector(snapshot_limits::object_bytes_max + 1)).error().code,
            errc::too_large);
}

TEST(tree_snapshot, names_that_are_no_component_of_a_path_are_refused) {
  const auto taken = [](const std::string& name) {
    return decode_snapshot_object(encode_snapshot_object(snapshot_entries{{name, {}, file_content(1)}}))
        .has_value();
  };
  EXPECT_TRUE(taken("a"));
  for (const char* name : {"..", ".", "", "a/b", "/", "a\\b", "a\nb", "\xff"})
    EXPECT_FALSE(taken(name)) << name;
  EXPECT_FALSE(taken(std::string("a\0b", 3)));
}

TEST(tree_snapshot, lists_out_of_order_twice_named_or_of_case_twins_are_refused) {
  const auto refused = [](std::vector<std::string> names) {
    snapshot_entries entries;
    for (auto& name : names) entries.push_back({std::move(name), {}, file_content(1)});
    return !decode_snapshot_object(encode_snapshot_object(entries));
  };
  EXPECT_TRUE(refused({"b", "a"}));
  EXPECT_TRUE(refused({"a", "a"}));
  EXPECT_TRUE(refused({"TUX", "tux"}));
  EXPECT_FALSE(refused({"a", "b"}));
}

}  // namespace
}  // namespace graphite
