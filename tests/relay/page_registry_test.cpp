#include "relay/page_registry.hpp"

#include <gtest/gtest.h>

#include "tests/bundle/index_support.hpp"

namespace graphite {
namespace {

using test::asset_name;
using test::make_asset;

class page_registry_test : public testing::Test {
 protected:
  /// The tree as it is read back.
  index_tree written(const index_tree& tree) {
    source->write(tree);
    return index_tree::open(tree.root(), tree.root_location(), source, test::sha()).value();
  }
  index_tree written(std::size_t assets) {
    return written(index_tree::build(test::many_assets(assets), test::sha()).value());
  }
  /// Every page from the root down, as a peer asks for them.
  std::size_t walk(const digest& from) {
    const auto bytes = registry.find(from);
    if (!bytes) return 0;
    const auto node = index_node::from_stored(from, {}, {*bytes, {}, {}, nullptr}, false, test::sha());
    std::size_t out = 1;
    if (node) {
      for (const auto& link : (*node)->links()) out += walk(link.id());
    }
    return out;
  }

  std::shared_ptr<test::memory_pages> source = std::make_shared<test::memory_pages>();
  page_registry registry;
};

TEST_F(page_registry_test, a_walk_from_the_root_finds_every_page) {
  const auto tree = written(1000);
  registry.publish(tree);
  EXPECT_EQ(walk(tree.root()), source->pages().size());
}

TEST_F(page_registry_test, a_walk_that_began_before_pages_moved_goes_on_where_they_are_kept) {
  const auto tree = written(1000);
  registry.publish(tree);
  const auto first = tree.root_node()->links().front().id();
  ASSERT_TRUE(registry.find(first));
  registry.rebase(tree);
  EXPECT_TRUE(registry.find(first));
  EXPECT_EQ(walk(tree.root()), source->pages().size());
}

TEST_F(page_registry_test, pages_that_are_not_kept_are_refused_and_the_newest_ones_found) {
  const auto older = written(1000);
  registry.publish(older);
  ASSERT_TRUE(registry.find(older.root()));
  asset_changes changes;
  changes.upserts.push_back(make_asset(asset_name(3), 4000));
  const auto newest = written(older.apply(changes).value());
  registry.publish(newest);
  source->pages().erase(older.root());
  const auto whole = source->pages().size();
  registry.rebase(newest);
  EXPECT_FALSE(registry.find(older.root()));
  EXPECT_GT(walk(newest.root()), 1u);
  EXPECT_LE(walk(newest.root()), whole);
}

TEST_F(page_registry_test, what_another_channel_shows_stays_when_pages_move) {
  const auto other = index_tree::build(test::many_assets(300), test::sha()).value();  // never written
  registry.publish(other);
  const auto tree = written(1000);
  registry.publish(tree);
  registry.rebase(tree);
  EXPECT_GT(walk(other.root()), 1u);
}

TEST_F(page_registry_test, pages_that_were_never_written_go_with_the_older_trees) {
  const auto older = index_tree::build(test::many_assets(10), test::sha())->with_source(source);
  const std::weak_ptr<const index_node> held = older.root_node();
  registry.publish(index_tree(older));
  registry.rebase(written(1000));
  EXPECT_FALSE(registry.find(older.root()));
  EXPECT_EQ(held.use_count(), 1) << "only the test's own tree holds it";
}

}  // namespace
}  // namespace graphite
