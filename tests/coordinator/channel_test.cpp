#include "coordinator/channel.hpp"

#include <gtest/gtest.h>

#include "tests/bundle/index_support.hpp"

namespace graphite {
namespace {

using test::asset_name;
using test::make_asset;

class channel_core_test : public testing::Test {
 protected:
  static index_tree of(std::size_t assets) {
    return index_tree::build(test::many_assets(assets), test::sha()).value();
  }
  static channel_core core_with(const index_tree& tree) {
    head newest;
    newest.sequence = sequence_number{1};
    newest.root = tree.root();
    return channel_core({}, {}, epoch_number{1}, tree, newest);
  }
  static index_tree edit(const index_tree& tree, std::size_t asset, std::uint64_t version) {
    asset_changes changes;
    changes.upserts.push_back(make_asset(asset_name(asset), version));
    return tree.apply(changes).value();
  }
  /// Whether the two trees are made of the same pages in memory, one below the root at least.
  static bool share_pages(const index_tree& left, const index_tree& right) {
    for (const auto& link : left.root_node()->links())
      for (const auto& other : right.root_node()->links())
        if (link.held() && link.held() == other.held()) return true;
    return false;
  }
};

TEST_F(channel_core_test, a_rebase_shows_the_same_from_other_pages) {
  const auto folded = of(500), moved = of(500);
  auto core = core_with(edit(edit(folded, 3, 1000), 77, 1001));
  const auto root = core.tree().root();
  ASSERT_TRUE(share_pages(core.tree(), folded));
  ASSERT_TRUE(core.rebase(moved));
  EXPECT_EQ(core.tree().root(), root);
  EXPECT_EQ(core.newest()->sequence, sequence_number{1});
  EXPECT_TRUE(share_pages(core.tree(), moved));
  EXPECT_FALSE(share_pages(core.tree(), folded)) << "the old pages are still held";
}

TEST_F(channel_core_test, a_rebase_that_cannot_read_leaves_all_as_it_was) {
  struct gone final : page_source {
    result<stored_page> load(const digest&, page_location) const override { return fail(errc::io, "gone"); }
  };
  auto moved = edit(of(500), 5, 2000);
  for (const auto& page : unwritten_pages(moved)) page->set_location({1, 64});
  moved = moved.with_source(std::make_shared<gone>());
  moved.unload();
  auto core = core_with(of(500));
  const auto root = core.tree().root();
  EXPECT_FALSE(core.rebase(moved));
  EXPECT_EQ(core.tree().root(), root);
  EXPECT_TRUE(core.tree().find(id_of(test::path(asset_name(5)))).value());
}

TEST_F(channel_core_test, a_rollback_does_not_hold_the_older_pages) {
  const auto older = of(500);
  auto now = of(500);
  for (std::size_t i = 0; i < 3; ++i) now = edit(now, i, 3000 + i);
  const auto planned = core_with(now).plan_rollback(older, 5);
  ASSERT_TRUE(planned) << planned.error().context;
  EXPECT_EQ(planned->now.root, older.root());
  EXPECT_EQ(planned->tree.root(), older.root());
  EXPECT_EQ(planned->changes.upserts.size(), 3u);
  EXPECT_FALSE(share_pages(planned->tree, older));
}

}  // namespace
}  // namespace graphite
