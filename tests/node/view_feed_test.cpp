#include "node/view_feed.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

namespace doing = feed_commands;
using verdict = views::verdict;
using telling = doing::tell::what;

content_ref snapshot(std::uint64_t number) {
  content_ref out;
  out.id.bytes.fill(static_cast<std::uint8_t>(number));
  out.size = 100;
  return out;
}

/// A feed, and what it has commanded.
class view_feed_test : public testing::Test {
 protected:
  static view_feed_options options() {
    view_feed_options out;
    out.self.view = "main";
    out.self.project_file = "graphite.toml";
    return out;
  }
  void take(feed_command_list commands) {
    for (auto& one : commands) std::visit([this](auto& command) { note(command); }, one);
  }
  void note(doing::send& one) {
    if (const auto* join = std::get_if<views::join>(&one.what)) joins.push_back(*join);
    if (const auto* revised = std::get_if<views::revised>(&one.what)) said.push_back(*revised);
  }
  void note(doing::bring& one) { brings.push_back(one.thorough); }
  void note(doing::skip& one) { skipped.push_back(one.what.revision); }
  void note(doing::settle& one) { stores.push_back(one.now.stores.size()); }
  void note(doing::hang_up& one) { hung_up.push_back(one); }
  void note(doing::tell& one) { told.push_back(one); }

  void close(std::uint64_t revision, std::uint64_t content) {
    take(feed.closed({revision, snapshot(content)}, now));
  }
  void welcome(std::uint64_t taken = 0, std::size_t count = 1, std::uint64_t epoch = 7) {
    take(feed.connected(now));
    views::welcome first;
    first.epoch.value = epoch;
    if (taken != 0) first.snapshot = snapshot(taken);
    first.first.stores.resize(count);
    take(feed.received(first, now));
  }
  void bring(std::uint64_t revision, std::uint64_t content) {
    take(feed.brought(view_state{revision, snapshot(content)}, now));
  }
  void judge(std::uint64_t revision, verdict::what state) {
    take(feed.received(verdict{revision, state, errc::invalid_argument, "why"}, now));
  }
  void pass(duration time) {
    now += time;
    take(feed.tick(now));
  }

  view_feed feed{options()};
  time_point now{};
  std::vector<views::join> joins;
  std::vector<views::revised> said;
  std::vector<bool> brings;
  std::vector<std::uint64_t> skipped;
  std::vector<std::size_t> stores;
  std::vector<doing::hang_up> hung_up;
  std::vector<doing::tell> told;
};

TEST_F(view_feed_test, brings_before_it_says_and_needs_stores_for_that) {
  close(1, 1);
  EXPECT_TRUE(brings.empty()) << "nobody has said where the stores are";
  welcome();
  ASSERT_EQ(joins.size(), 1U);
  EXPECT_EQ(joins[0].view, "main");
  EXPECT_EQ(stores, std::vector<std::size_t>{1});
  EXPECT_EQ(brings, std::vector<bool>{false});
  EXPECT_TRUE(said.empty());
  bring(1, 1);
  ASSERT_EQ(said.size(), 1U);
  EXPECT_EQ(said[0], (views::revised{1, snapshot(1)}));
  EXPECT_FALSE(feed.at_rest());
  judge(1, verdict::what::accepted);
  EXPECT_TRUE(feed.at_rest());
  judge(1, verdict::what::published);
  EXPECT_EQ(told.back().kind, telling::published);
  EXPECT_EQ(told.back().text, "why");
}

TEST_F(view_feed_test, of_many_states_only_the_newest_counts) {
  welcome();
  close(1, 1);
  for (std::uint64_t i = 2; i < 10; ++i) close(i, i);
  EXPECT_EQ(brings.size(), 1U) << "one at a time";
  bring(1, 1);
  EXPECT_EQ(said.size(), 1U);
  EXPECT_EQ(brings.size(), 2U);
  bring(9, 9);
  EXPECT_EQ(said.size(), 1U) << "one waits for its answer";
  judge(1, verdict::what::accepted);
  ASSERT_EQ(said.size(), 2U);
  EXPECT_EQ(said[1].revision, 9U);
}

TEST_F(view_feed_test, what_the_coordinator_has_is_neither_brought_nor_said) {
  close(1, 5);
  welcome(5);
  EXPECT_TRUE(brings.empty());
  EXPECT_EQ(skipped, std::vector<std::uint64_t>{1});
  EXPECT_TRUE(said.empty());
  EXPECT_TRUE(feed.at_rest());
  close(2, 6);
  bring(2, 6);
  judge(2, verdict::what::accepted);
  close(3, 6);
  EXPECT_EQ(skipped.back(), 3U);
  EXPECT_EQ(said.size(), 1U);
}

TEST_F(view_feed_test, a_refused_state_is_not_said_again_and_the_next_one_is) {
  welcome();
  close(1, 1);
  bring(1, 1);
  judge(1, verdict::what::refused);
  EXPECT_EQ(told.back().kind, telling::refused);
  EXPECT_TRUE(feed.at_rest());
  pass(seconds(60));
  EXPECT_EQ(said.size(), 1U);
  close(2, 2);
  bring(2, 2);
  EXPECT_EQ(said.size(), 2U);
}

TEST_F(view_feed_test, contents_that_are_missing_are_asked_for_and_brought_again_later_each_time) {
  welcome();
  close(1, 1);
  bring(1, 1);
  duration pause = milliseconds(250);
  for (std::size_t round = 1; round <= 3; ++round, pause *= 2) {
    judge(1, verdict::what::missing);
    EXPECT_EQ(brings.size(), round);
    pass(pause - milliseconds(1));
    EXPECT_EQ(brings.size(), round);
    pass(milliseconds(1));
    ASSERT_EQ(brings.size(), round + 1);
    EXPECT_TRUE(brings.back()) << "all is asked for";
    bring(1, 1);
    EXPECT_EQ(said.size(), round + 1);
  }
  judge(1, verdict::what::accepted);
  EXPECT_TRUE(feed.at_rest());
}

TEST_F(view_feed_test, an_upload_that_failed_is_tried_again_and_at_once_where_something_changed) {
  welcome();
  close(1, 1);
  take(feed.brought(fail(errc::busy, "a file changed"), now));
  EXPECT_EQ(told.back().kind, telling::upload_failed);
  EXPECT_EQ(brings.size(), 1U);
  close(2, 2);
  EXPECT_EQ(brings.size(), 2U);
  take(feed.brought(fail(errc::unavailable, "no store"), now));
  pass(milliseconds(499));
  EXPECT_EQ(brings.size(), 2U);
  pass(milliseconds(1));
  EXPECT_EQ(brings.size(), 3U);
}

TEST_F(view_feed_test, a_session_that_broke_is_begun_anew_with_what_was_not_answered) {
  welcome();
  close(1, 1);
  bring(1, 1);
  take(feed.disconnected("gone"));
  EXPECT_EQ(told.back().kind, telling::away);
  close(2, 2);
  EXPECT_EQ(brings.size(), 2U) << "the stores are known";
  bring(2, 2);
  EXPECT_EQ(said.size(), 1U);
  welcome(1, 1, 8);
  EXPECT_EQ(joins.back().epoch_seen.value, 7U);
  ASSERT_EQ(said.size(), 2U);
  EXPECT_EQ(said[1], (views::revised{2, snapshot(2)}));
  take(feed.disconnected("gone"));
  welcome(2, 1, 9);
  EXPECT_EQ(said.size(), 2U) << "it was taken; the answer alone was lost";
  EXPECT_TRUE(feed.at_rest());
}

TEST_F(view_feed_test, stores_that_come_later_are_waited_for) {
  welcome(0, 0);
  close(1, 1);
  EXPECT_TRUE(brings.empty());
  views::settings settings;
  settings.stores.resize(2);
  take(feed.received(settings, now));
  EXPECT_EQ(brings.size(), 1U);
  EXPECT_EQ(stores.back(), 2U);
}

TEST_F(view_feed_test, leaves_a_coordinator_that_does_not_keep_the_rules) {
  take(feed.connected(now));
  take(feed.received(verdict{}, now));
  EXPECT_EQ(hung_up.size(), 1U) << "before its welcome";
  welcome();
  take(feed.received(views::welcome{}, now));
  EXPECT_EQ(hung_up.size(), 2U) << "twice";
  welcome();
  judge(9, verdict::what::accepted);
  EXPECT_EQ(hung_up.size(), 3U) << "of what was not said";
  welcome(0, 1, 3);
  ASSERT_EQ(hung_up.size(), 4U);
  EXPECT_EQ(hung_up.back().why.code, errc::stale_epoch) << "an older reign";
  for (const auto& one : hung_up) EXPECT_FALSE(one.final);
}

TEST_F(view_feed_test, a_refusal_that_time_does_not_mend_is_final) {
  for (const auto code : {errc::newer_version, errc::permission_denied, errc::already_exists, errc::busy}) {
    take(feed.connected(now));
    take(feed.received(views::refusal{code, "so"}, now));
    EXPECT_EQ(hung_up.back().final, code == errc::newer_version || code == errc::permission_denied);
    EXPECT_NE(hung_up.back().why.context.find("so"), std::string::npos);
  }
}

}  // namespace
}  // namespace graphite
