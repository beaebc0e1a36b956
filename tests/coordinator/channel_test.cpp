#include "coordinator/channel.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

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
  static publication all_of(std::size_t assets) {
    publication out;
    out.complete = true;
    out.changes.upserts = test::many_assets(assets);
    return out;
  }
  /// The contents of make_asset() in their first thousand versions are stored; `missing` is not.
  static channel_core::chunks_of stored_but(const content_ref& missing = {}) {
    std::map<digest, digest> chunk_of;
    for (std::uint64_t version = 0; version < 1000; ++version) {
      const auto part = make_asset("any", version).parts[0];
      chunk_of[part.content.id] = part.only_chunk;
    }
    return [missing, chunk_of](const content_ref& content) -> result<std::optional<chunk_list>> {
      const auto chunk = chunk_of.find(content.id);
      if (content == missing || chunk == chunk_of.end()) return std::nullopt;
      return std::optional(chunk_list{{chunk_ref{chunk->second, static_cast<std::uint32_t>(content.size)}}});
    };
  }
  static std::set<std::string> shown(const index_tree& tree) {
    std::set<std::string> out;
    EXPECT_TRUE(
        tree.for_each([&](const located_asset& one) { return out.insert(one.record.path.str()).second; }));
    return out;
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

TEST_F(channel_core_test, a_rollback_goes_on_telling_what_stands_failed) {
  const auto older = of(20);
  head newest;
  newest.sequence = sequence_number{1};
  newest.behind = test::sha().sha256(as_bytes("what is behind"));
  const auto now = edit(older, 3, 1000);
  newest.root = now.root();
  const channel_core core({}, {}, epoch_number{1}, now, newest);
  const auto planned = core.plan_rollback(older, 5);
  ASSERT_TRUE(planned) << planned.error().context;
  EXPECT_EQ(planned->now.behind, newest.behind);
}

TEST_F(channel_core_test, all_that_there_is_changes_nothing_where_it_is_shown) {
  const auto core = core_with(of(500));
  const auto planned = core.plan(all_of(500), {}, stored_but(), 5);
  ASSERT_TRUE(planned) << planned.error().context;
  EXPECT_FALSE(*planned);
}

TEST_F(channel_core_test, all_that_there_is_adds_changes_and_removes) {
  auto all = all_of(20);
  all.changes.upserts.erase(all.changes.upserts.begin() + 3);
  all.changes.upserts[7] = make_asset(all.changes.upserts[7].path.str(), 77);
  all.changes.upserts.push_back(make_asset("new", 1));
  const auto planned = core_with(of(20)).plan(all, {}, stored_but(), 5);
  ASSERT_TRUE(planned) << planned.error().context;
  ASSERT_TRUE(*planned);
  EXPECT_EQ((*planned)->changes.upserts.size(), 2u);
  ASSERT_EQ((*planned)->changes.removals.size(), 1u);
  EXPECT_EQ((*planned)->changes.removals[0].str(), asset_name(3));
  EXPECT_EQ((*planned)->now.assets, 20u);
}

TEST_F(channel_core_test, what_is_not_known_stays_as_it_is) {
  auto all = all_of(20);
  const auto unknown = all.changes.upserts[3], not_stored = make_asset(asset_name(4), 77);
  all.changes.upserts[4] = not_stored;
  all.changes.upserts.erase(all.changes.upserts.begin() + 3);
  all.uncertain = {test::path("nobody/shows/this"), unknown.path};
  const auto planned = core_with(of(20)).plan(all, {}, stored_but(not_stored.parts[0].content), 5);
  ASSERT_TRUE(planned) << planned.error().context;
  EXPECT_FALSE(*planned);
}

TEST_F(channel_core_test, a_new_filter_is_applied_to_what_is_there) {
  head newest;
  newest.sequence = sequence_number{1};
  const auto tree = of(20);
  newest.root = tree.root();
  const channel_spec spec{"main", {}, {*glob::parse("**/*_000001*")}, {}};
  auto all = all_of(20);
  all.changes.upserts.erase(all.changes.upserts.begin() + 12);
  all.uncertain = {test::path(asset_name(12))};
  const auto planned = channel_core(spec, {}, epoch_number{1}, tree, newest).plan(all, {}, stored_but(), 5);
  ASSERT_TRUE(planned) << planned.error().context;
  ASSERT_TRUE(*planned);
  const auto left = shown((*planned)->tree);
  EXPECT_EQ(left.size(), 10u);
  EXPECT_FALSE(left.contains(asset_name(12))) << "not shown any more, whatever its content is";
}

TEST_F(channel_core_test, a_new_channel_without_assets_has_a_first_generation) {
  publication nothing;
  nothing.complete = true;
  const channel_core core({}, {}, epoch_number{1}, of(0), std::nullopt);
  const auto planned = core.plan(nothing, {}, stored_but(), 5);
  ASSERT_TRUE(planned) << planned.error().context;
  ASSERT_TRUE(*planned);
  EXPECT_EQ((*planned)->now.sequence, sequence_number{1});
}

}  // namespace
}  // namespace graphite
