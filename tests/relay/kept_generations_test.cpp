#include "relay/kept_generations.hpp"

#include <gtest/gtest.h>

#include "tests/bundle/index_support.hpp"

namespace graphite {
namespace {

using test::asset_name;
using test::make_asset;

class kept_generations_test : public testing::Test {
 protected:
  void publish(const std::string& channel, const index_tree& tree, digest behind = {}) {
    head now;
    now.channel = channel;
    now.root = tree.root();
    now.behind = behind;
    kept.publish(now, tree);
  }
  index_tree tree_of(std::size_t assets) {
    return index_tree::build(test::many_assets(assets), test::sha()).value();
  }
  static chunk_range range_of(const asset_record& record) {
    return {record.parts[0].content.id, 0, 0, record.id()};
  }
  bool belongs(const std::string& channel, const chunk_range& range) {
    return kept.belonging(channel, {range}).value().at(0);
  }
  kept_generations kept{true};
};

TEST_F(kept_generations_test, a_content_belongs_where_its_asset_has_it) {
  publish("game", tree_of(100));
  const auto record = make_asset(asset_name(3), 3), other = make_asset(asset_name(200), 200);
  const auto assets = test::many_assets(100);
  EXPECT_TRUE(belongs("game", range_of(assets[3])));
  auto elsewhere = range_of(assets[3]);
  elsewhere.asset = assets[4].id();
  EXPECT_FALSE(belongs("game", elsewhere));
  EXPECT_FALSE(belongs("game", range_of(other)));
  EXPECT_FALSE(belongs("none", range_of(assets[3])));
  EXPECT_FALSE(belongs("", range_of(assets[3])));
}

TEST_F(kept_generations_test, what_left_lately_still_belongs) {
  auto tree = tree_of(100);
  publish("game", tree);
  const auto old = test::many_assets(100)[7];
  for (std::size_t i = 0; i < 200; ++i) {
    asset_changes changes;
    changes.upserts.push_back(make_asset(old.path.str(), 5000 + i));
    tree = tree.apply(changes).value();
    publish("game", tree);
  }
  EXPECT_TRUE(belongs("game", range_of(old)));
  EXPECT_TRUE(belongs("game", range_of(make_asset(old.path.str(), 5199))));
  asset_changes removal;
  removal.removals.push_back(old.path);
  publish("game", tree.apply(removal).value());
  EXPECT_TRUE(belongs("game", range_of(make_asset(old.path.str(), 5199))));
  EXPECT_FALSE(belongs("game", range_of(make_asset(old.path.str(), 9999))));
}

TEST_F(kept_generations_test, nothing_is_remembered_where_nobody_asks) {
  kept_generations idle;
  head now;
  now.channel = "game";
  idle.publish(now, tree_of(10));
  EXPECT_FALSE(idle.belonging("game", {range_of(test::many_assets(10)[1])}).value().at(0));
  EXPECT_TRUE(idle.page("", tree_of(10).root()));
}

TEST_F(kept_generations_test, pages_are_of_their_channel) {
  const auto game = tree_of(100), other = tree_of(50);
  publish("game", game);
  publish("other", other);
  EXPECT_TRUE(kept.page("game", game.root()));
  EXPECT_FALSE(kept.page("game", other.root()));
  EXPECT_FALSE(kept.page("none", other.root()));
  EXPECT_TRUE(kept.page("", other.root()));
}

TEST_F(kept_generations_test, lists_and_side_objects_are_checked_too) {
  digest behind, stranger;
  behind.bytes.fill(1);
  stranger.bytes.fill(2);
  publish("game", tree_of(10), behind);
  publish("other", tree_of(5), stranger);
  const auto range = range_of(test::many_assets(10)[9]);
  EXPECT_TRUE(kept.check({"game", list_request{range.content, range.asset}}));
  EXPECT_EQ(kept.check({"other", list_request{range.content, range.asset}}).error().code, errc::not_found);
  EXPECT_TRUE(kept.check({"game", behind_request{behind}}));
  EXPECT_EQ(kept.check({"game", behind_request{stranger}}).error().code, errc::not_found);
  EXPECT_TRUE(kept.check({"game", snapshot_request{"game"}}));
  EXPECT_EQ(kept.check({"game", snapshot_request{"other"}}).error().code, errc::invalid_argument);
  ack_request ack;
  ack.channel = "other";
  EXPECT_FALSE(kept.check({"game", ack}));
}

TEST_F(kept_generations_test, a_tree_whose_pages_moved_is_looked_up_there) {
  auto source = std::make_shared<test::memory_pages>();
  const auto tree = tree_of(1000);
  publish("game", tree);
  source->write(tree);
  const auto moved = index_tree::open(tree.root(), tree.root_location(), source, test::sha()).value();
  kept.rebase(moved);
  for (std::size_t i = 0; i < 10; ++i)
    for (const auto& record : test::many_assets(1000)) ASSERT_TRUE(belongs("game", range_of(record)));
}

}  // namespace
}  // namespace graphite
