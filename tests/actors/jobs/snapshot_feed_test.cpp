#include "actors/jobs/snapshot_feed.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/actors/jobs/fake_view_stores.hpp"
#include "tests/support/paths.hpp"

namespace graphite {
namespace {

using test::fake_view_stores;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A project file here is a line: the folder of the sources, and the ending of those that are scanned.
class snapshot_feeds : public testing::Test {
 protected:
  snapshot_feeds() {
    setups.of_project = [this](std::string_view text, const std::string&) -> result<view_setup> {
      if (text == "bad") return fail(errc::invalid_argument, "graphite.toml:1: bad");
      ++made;
      view_setup out;
      out.prefix = std::string(text);
      project config;
      config.root = "/snapshot";
      config.state = "/snapshot/.graphite";
      config.ignore = {glob::parse("*.tmp").value()};
      rule_spec rule;
      rule.name = "scene";
      rule.match = {glob::parse("*.scene").value()};
      config.rules.push_back(rule);
      out.engine.config = std::make_shared<const project>(config);
      out.scan = [this](const rule_spec&, const logical_path& path) {
        return [this, path](byte_span bytes) {
          scanned.push_back(path.str());
          return std::vector<scanned_reference>{{{test::path_of(std::string(as_text(bytes)))}, false, false}};
        };
      };
      return out;
    };
    setups.of_action = [](const action_job&, const std::vector<logical_path>&) -> result<view_setup> {
      return fail(errc::unsupported, "no actions here");
    };
    setups.state = [this] { return tools; };
  }
  result<snapshot_feed::step> advance(const std::map<std::string, std::string>& files) {
    return advance(stores.put_snapshot(files));
  }
  result<snapshot_feed::step> advance(const content_ref& root) {
    return feed.advance(root, view_recipe(std::string("graphite.toml")), cancel_token());
  }
  static std::vector<std::string> paths(const revision& of) {
    std::vector<std::string> out;
    for (const auto& one : of.changes) out.push_back((one.now ? "" : "-") + one.path.str());
    return out;
  }

  fake_view_stores stores;
  view_setups setups;
  int made = 0;
  std::uint64_t tools = 1;
  std::vector<std::string> scanned;
  snapshot_feed feed{{&stores, &stores.hash, &setups}};
};

TEST_F(snapshot_feeds, begin_with_all_sources_and_go_on_by_what_differs) {
  const auto first = advance({{"graphite.toml", ""}, {"a", "1"}, {"b/c", "2"}, {"b/d", "3"}});
  ASSERT_TRUE(first) << first.error().context;
  EXPECT_TRUE(first->anew && first->what.complete_scan);
  EXPECT_THAT(paths(first->what), ElementsAre("a", "b/c", "b/d")) << "the project file is no source";
  EXPECT_EQ(first->what.changes[1].now->content, fake_view_stores::name_of_text("2"));

  const auto second = advance({{"graphite.toml", ""}, {"a", "1"}, {"b/c", "another"}, {"e", "4"}});
  ASSERT_TRUE(second) << second.error().context;
  EXPECT_FALSE(second->anew || second->what.complete_scan);
  EXPECT_THAT(paths(second->what), ElementsAre("b/c", "-b/d", "e"));
  EXPECT_GT(second->what.id, first->what.id);
  EXPECT_EQ(made, 1);
  const auto same = advance({{"graphite.toml", ""}, {"a", "1"}, {"b/c", "another"}, {"e", "4"}});
  EXPECT_THAT(paths(same->what), IsEmpty());
}

TEST_F(snapshot_feeds, take_only_what_lies_below_the_root_and_is_not_ignored) {
  const auto step = advance(
      {{"graphite.toml", "src/"}, {"a", "1"}, {"src/b", "2"}, {"src/b.tmp", "3"}, {"src/.git/x", "4"}});
  ASSERT_TRUE(step) << step.error().context;
  EXPECT_THAT(paths(step->what), ElementsAre("b"));
}

TEST_F(snapshot_feeds, read_what_rules_look_into_and_nothing_else) {
  ASSERT_TRUE(
      advance({{"graphite.toml", ""}, {"a.scene", "x/y.png"}, {"b.scene", ""}, {"large.bin", "bytes"}}));
  EXPECT_THAT(scanned, ElementsAre("a.scene"));
  const auto reads = stores.reads();
  const auto step =
      advance({{"graphite.toml", ""}, {"a.scene", "z.png"}, {"b.scene", ""}, {"large.bin", "other"}});
  ASSERT_TRUE(step);
  ASSERT_EQ(step->what.changes[0].now->references.size(), 1U);
  EXPECT_EQ(step->what.changes[0].now->references[0].candidates[0].str(), "z.png");
  EXPECT_EQ(stores.reads() - reads, 3U) << "two objects of folders, one scene";
}

TEST_F(snapshot_feeds, begin_anew_where_the_project_file_or_the_tools_are_others) {
  ASSERT_TRUE(advance({{"graphite.toml", ""}, {"a", "1"}, {"src/b", "2"}}));
  const auto moved = advance({{"graphite.toml", "src/"}, {"a", "1"}, {"src/b", "2"}});
  ASSERT_TRUE(moved);
  EXPECT_TRUE(moved->anew && moved->what.complete_scan);
  EXPECT_THAT(paths(moved->what), ElementsAre("b"));
  ++tools;
  const auto other = advance({{"graphite.toml", "src/"}, {"a", "1"}, {"src/b", "2"}});
  EXPECT_TRUE(other && other->anew);
  EXPECT_EQ(made, 3);
}

TEST_F(snapshot_feeds, say_what_is_wrong_and_then_begin_from_nothing) {
  ASSERT_TRUE(advance({{"graphite.toml", ""}, {"a", "1"}}));
  const auto bad = advance({{"graphite.toml", "bad"}, {"a", "1"}});
  EXPECT_EQ(bad.error().context, "graphite.toml:1: bad");
  EXPECT_THAT(advance({{"a", "1"}}).error().context, HasSubstr("no file graphite.toml"));
  const auto good = advance({{"graphite.toml", ""}, {"a", "1"}});
  ASSERT_TRUE(good);
  EXPECT_TRUE(good->anew);
}

TEST_F(snapshot_feeds, say_that_something_is_in_no_store_and_what_to_do) {
  const auto root = stores.put_snapshot({{"graphite.toml", ""}, {"a", "1"}, {"b", "2"}});
  stores.drop(fake_view_stores::name_of_text("2"));
  const auto step = advance(root);
  EXPECT_EQ(step.error().code, errc::not_found);
  EXPECT_THAT(step.error().context, HasSubstr("1 contents"));
  EXPECT_THAT(step.error().context, HasSubstr("submit it again"));
  stores.put("2");
  EXPECT_TRUE(advance(root));
  stores.set_away(true);
  EXPECT_EQ(advance({{"graphite.toml", ""}}).error().code, errc::unavailable);
}

TEST_F(snapshot_feeds, end_with_their_job) {
  cancel_token token;
  token.cancel();
  const auto root = stores.put_snapshot({{"graphite.toml", ""}, {"a", "1"}});
  EXPECT_EQ(feed.advance(root, view_recipe(std::string("graphite.toml")), token).error().code,
            errc::cancelled);
}

TEST_F(snapshot_feeds, refuse_what_is_no_snapshot) {
  EXPECT_EQ(advance(stores.put(std::string("\x01\x07", 2))).error().code, errc::corrupt);
  content_ref large = stores.put_snapshot({});
  large.size = MiB;
  EXPECT_EQ(advance(large).error().code, errc::corrupt);
}

}  // namespace
}  // namespace graphite
