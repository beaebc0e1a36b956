#include "cli/job_needs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "bundle/asset_list.hpp"
#include "tests/actors/jobs/fake_view_stores.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/recording_log.hpp"

namespace graphite {
namespace {

using test::path_of;

class needs_marking : public ::testing::Test {
 protected:
  std::set<digest> marked(const needed_contents& needed) {
    std::set<digest> out;
    const auto done = mark_needed(needed, stores_, hash_, log_, [&](std::span<const digest> some) {
      out.insert(some.begin(), some.end());
    });
    EXPECT_TRUE(done) << done.error().context;
    return out;
  }
  static digest id(std::string_view text) { return test::fake_view_stores::name_of_text(text).id; }

  openssl_hasher hash_;
  test::fake_view_stores stores_;
  test::recording_log log_;
};

TEST_F(needs_marking, a_tree_is_all_its_folders_and_files) {
  const auto root = stores_.put_snapshot({{"a.txt", "one"}, {"deep/er/b.txt", "two"}, {"deep/c.txt", "one"}});
  const auto other = stores_.put_snapshot({{"x.txt", "three"}});
  const auto all = marked({{}, {root}, {}});
  EXPECT_TRUE(all.contains(root.id) && all.contains(id("one")) && all.contains(id("two")));
  EXPECT_EQ(all.size(), 5U) << "two files, three folders";
  EXPECT_FALSE(all.contains(other.id) || all.contains(id("three")));
}

TEST_F(needs_marking, what_is_in_no_store_ends_nothing) {
  const auto root = stores_.put_snapshot({{"a.txt", "one"}, {"deep/b.txt", "two"}});
  const auto deep = stores_.put_snapshot({{"b.txt", "two"}});
  stores_.drop(deep);
  const auto some = marked({{}, {root}, {test::fake_view_stores::name_of_text("a list that is nowhere")}});
  EXPECT_TRUE(some.contains(id("one")));
  EXPECT_TRUE(some.contains(deep.id)) << "it may be uploaded yet";
  EXPECT_FALSE(some.contains(id("two")));
}

TEST_F(needs_marking, a_listing_is_all_that_its_assets_are) {
  asset_record asset{path_of("a.up"), {}, {}};
  for (const auto* text : {"ONE", "MIP"}) asset.parts.push_back({stores_.put(text)});
  const auto list = stores_.put(encode_asset_list({asset}));
  EXPECT_EQ(marked({{}, {}, {list}}), (std::set<digest>{list.id, id("ONE"), id("MIP")}));
}

TEST_F(needs_marking, what_is_no_tree_and_no_list_is_told_and_the_rest_goes_on) {
  const auto wrong = stores_.put("no list at all");
  const auto all = marked({{id("alone")}, {wrong}, {wrong, stores_.put(encode_asset_list({}))}});
  EXPECT_TRUE(all.contains(id("alone")) && all.contains(wrong.id));
  EXPECT_EQ(all.size(), 3U);
  EXPECT_TRUE(log_.contains(to_hex(wrong.id)));
}

TEST_F(needs_marking, nothing_is_said_while_the_stores_are_away) {
  const auto root = stores_.put_snapshot({{"a.txt", "one"}});
  stores_.set_away(true);
  const auto done = mark_needed({{}, {root}, {}}, stores_, hash_, log_, [](auto) {});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, errc::unavailable);
}

}  // namespace
}  // namespace graphite
