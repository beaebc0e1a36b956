#include "cli/watched_view.hpp"

#include <gtest/gtest.h>

#include <set>

#include "tests/bundle/snapshot_support.hpp"

namespace graphite {
namespace {

using namespace test;
using change = watched_view::change;

change put(const std::string& name, std::uint64_t version, bool executable = false) {
  return {path(name), file_content(version), executable};
}
change gone(const std::string& name) { return {path(name), std::nullopt}; }

/// Contents of a delivery, in their order.
std::vector<content_ref> names(const watched_view::delivery& of) {
  std::vector<content_ref> out;
  for (const auto& [content, where] : of.contents) out.push_back(content);
  return out;
}
std::size_t folders(const watched_view::delivery& of) {
  return static_cast<std::size_t>(std::count_if(of.contents.begin(), of.contents.end(), [](const auto& one) {
    return std::holds_alternative<byte_vector>(one.second);
  }));
}

TEST(watched_view, begins_with_a_walk_and_goes_on_with_what_changes) {
  watched_view view(sha());
  const auto first = view.apply(1, {put("a", 1), put("d/e/b", 2)});
  ASSERT_TRUE(first);
  object_shelf shelf;
  EXPECT_EQ(first->snapshot, build_snapshot({{path("a"), file_content(1)}, {path("d/e/b"), file_content(2)}},
                                            sha(), shelf.sink()));
  EXPECT_TRUE(view.take().contents.empty()) << "the walk finds it";
  EXPECT_TRUE(view.begin_walk());
  EXPECT_FALSE(view.begin_walk());
  const auto second = view.apply(2, {put("d/e/b", 3)});
  EXPECT_FALSE(view.begin_walk());
  const auto taken = view.take();
  EXPECT_EQ(taken.state, *second);
  ASSERT_EQ(taken.contents.size(), 4U) << "the file, two folders, the root";
  EXPECT_EQ(names(taken).front(), file_content(3));
  EXPECT_EQ(names(taken).back(), second->snapshot) << "the root is last";
  EXPECT_EQ(folders(taken), 3U);
  EXPECT_TRUE(view.take().contents.empty());
}

TEST(watched_view, what_is_of_no_use_any_more_is_not_brought) {
  watched_view view(sha());
  view.begin_walk();
  ASSERT_TRUE(view.apply(1, {put("d/a", 1)}));
  ASSERT_TRUE(view.apply(2, {put("d/a", 2)}));
  ASSERT_TRUE(view.apply(3, {put("b", 9), gone("d/a")}));
  const auto taken = view.take();
  EXPECT_EQ(names(taken).size(), 2U) << "the file b and the root";
  EXPECT_EQ(folders(taken), 1U);
}

TEST(watched_view, a_file_takes_the_place_of_a_folder_in_one_revision) {
  watched_view view(sha());
  ASSERT_TRUE(view.apply(1, {put("a/b", 1)}));
  const auto now = view.apply(2, {put("a", 2), gone("a/b")});
  ASSERT_TRUE(now) << now.error().context;
  EXPECT_EQ(view.files(), 1U);
  ASSERT_TRUE(view.apply(3, {gone("a"), put("a/b", 1)}));
}

TEST(watched_view, a_change_of_the_mode_alone_is_another_state) {
  watched_view view(sha());
  const auto before = view.apply(1, {put("run", 1)});
  const auto after = view.apply(2, {put("run", 1, true)});
  EXPECT_NE(before->snapshot, after->snapshot);
}

TEST(watched_view, more_than_it_may_keep_is_walked_through) {
  watched_view::options small;
  small.pending_files_max = 3;
  watched_view view(sha(), small);
  view.begin_walk();
  ASSERT_TRUE(view.apply(1, {put("a", 1), put("b", 1), put("c", 1), put("d", 1)}));
  EXPECT_TRUE(view.take().contents.empty());
  EXPECT_TRUE(view.begin_walk());
}

TEST(watched_view, that_is_known_to_be_there_needs_no_walk) {
  watched_view view(sha());
  const auto state = view.apply(1, {put("a", 1)});
  view.all_there({1, file_content(7)});
  EXPECT_TRUE(view.begin_walk()) << "another state";
  view.ask_for_walk();
  view.all_there(*state);
  EXPECT_FALSE(view.begin_walk());
  EXPECT_TRUE(view.take().contents.empty());
}

}  // namespace
}  // namespace graphite
