#include "coordinator/cluster/view_sessions.hpp"

#include <gtest/gtest.h>

#include <deque>

namespace graphite {
namespace {

using verdict = views::verdict;

content_ref root_of(std::uint64_t number) {
  content_ref out;
  out.id.bytes.fill(static_cast<std::uint8_t>(number));
  out.size = 100;
  return out;
}

/// Sessions, and what they have commanded; views open at once unless the test says otherwise.
class view_sessions_test : public testing::Test {
 protected:
  void take(view_command_list commands) {
    for (auto& one : commands) std::visit([this](auto& command) { note(command); }, one);
  }
  void note(view_commands::send& one) { sent[one.link.value].push_back(one.what); }
  void note(view_commands::hang_up& one) { hung_up[one.link.value] = one.why; }
  void note(view_commands::open& one) {
    opened.push_back(one);
    if (opens) take(sessions.opened(one.link, taken));
  }
  void note(view_commands::close& one) { closed.push_back(one.link.value); }
  void note(view_commands::revise& one) { revised.push_back(one); }

  static views::join join_of(const std::string& view) {
    views::join out;
    out.view = view;
    out.project_file = "graphite.toml";
    return out;
  }
  void join(std::uint64_t link, const std::string& watcher, const std::string& view = "main") {
    sessions.connected(link_id{link}, watcher);
    take(sessions.received(link_id{link}, join_of(view)));
  }
  void revise(std::uint64_t link, std::uint64_t revision) {
    take(sessions.received(link_id{link}, views::revised{revision, root_of(revision)}));
  }
  template <class What>
  const What* last_of(std::uint64_t link) {
    return sent[link].empty() ? nullptr : std::get_if<What>(&sent[link].back());
  }

  view_sessions sessions{{epoch_number{7}, 3}};
  bool opens = true;
  result<content_ref> taken = content_ref{};
  std::map<std::uint64_t, std::vector<view_to_watcher>> sent;
  std::map<std::uint64_t, error> hung_up;
  std::vector<view_commands::open> opened;
  std::vector<std::uint64_t> closed;
  std::vector<view_commands::revise> revised;
};

TEST_F(view_sessions_test, a_watcher_is_welcome_and_its_revisions_are_judged_one_by_one) {
  taken = root_of(5);
  join(1, "beside");
  const auto* welcome = last_of<views::welcome>(1);
  ASSERT_NE(welcome, nullptr);
  EXPECT_EQ(welcome->epoch.value, 7U);
  EXPECT_EQ(welcome->snapshot, root_of(5));
  EXPECT_EQ(opened[0].what, (view_feeding{"main", "graphite.toml", "beside"}));
  revise(1, 1);
  ASSERT_EQ(revised.size(), 1U);
  EXPECT_EQ(revised[0].revision.snapshot, root_of(1));
  take(sessions.judged(link_id{1}, {1, verdict::what::accepted}));
  revise(1, 4);
  take(sessions.judged(link_id{1}, {1, verdict::what::published, errc::io, "generation 3"}));
  EXPECT_EQ(last_of<verdict>(1)->text, "generation 3") << "while the next one waits";
  take(sessions.judged(link_id{1}, {4, verdict::what::missing}));
  revise(1, 5);
  EXPECT_EQ(revised.size(), 3U);
  EXPECT_TRUE(hung_up.empty());
}

TEST_F(view_sessions_test, verdicts_that_nobody_waits_for_are_left_aside) {
  join(1, "beside");
  revise(1, 1);
  const auto before = sent[1].size();
  take(sessions.judged(link_id{1}, {2, verdict::what::published}));
  take(sessions.judged(link_id{9}, {1, verdict::what::accepted}));
  take(sessions.judged(link_id{1}, {1, verdict::what::refused}));
  take(sessions.judged(link_id{1}, {1, verdict::what::accepted}));
  EXPECT_EQ(sent[1].size(), before + 1);
}

TEST_F(view_sessions_test, who_talks_out_of_turn_is_left) {
  sessions.connected(link_id{1}, "beside");
  revise(1, 1);
  EXPECT_EQ(hung_up.at(1).code, errc::corrupt) << "before its join";
  join(2, "beside");
  take(sessions.received(link_id{2}, join_of("main")));
  EXPECT_EQ(hung_up.at(2).code, errc::corrupt) << "twice";
  join(3, "beside");
  revise(3, 1);
  revise(3, 2);
  EXPECT_EQ(hung_up.at(3).code, errc::corrupt) << "before the answer";
  join(4, "beside");
  revise(4, 3);
  take(sessions.judged(link_id{4}, {3, verdict::what::accepted}));
  revise(4, 3);
  EXPECT_EQ(hung_up.at(4).code, errc::corrupt) << "not ascending";
  EXPECT_NE(last_of<views::refusal>(4), nullptr) << "it is told why";
  EXPECT_EQ(closed, (std::vector<std::uint64_t>{2, 3, 4}));
  revise(4, 9);
  EXPECT_EQ(revised.size(), 2U) << "nothing of it is heard any more";
}

TEST_F(view_sessions_test, a_view_has_one_watcher_and_the_same_one_may_come_again) {
  join(1, "beside");
  join(2, "other");
  EXPECT_EQ(hung_up.at(2).code, errc::already_exists);
  EXPECT_NE(hung_up.at(2).context.find("beside"), std::string::npos);
  join(3, "beside");
  EXPECT_EQ(hung_up.at(1).code, errc::cancelled);
  EXPECT_EQ(closed, std::vector<std::uint64_t>{1}) << "closed before it is opened anew";
  EXPECT_NE(last_of<views::welcome>(3), nullptr);
  take(sessions.disconnected(link_id{1}));
  EXPECT_EQ(sessions.feeding(), 1U) << "the end of the former connection is of no matter";
  take(sessions.disconnected(link_id{3}));
  join(4, "other");
  EXPECT_NE(last_of<views::welcome>(4), nullptr);
}

TEST_F(view_sessions_test, what_opens_after_its_watcher_has_gone_is_closed) {
  opens = false;
  join(1, "beside");
  take(sessions.disconnected(link_id{1}));
  EXPECT_TRUE(closed.empty());
  take(sessions.opened(link_id{1}, root_of(1)));
  EXPECT_EQ(closed, std::vector<std::uint64_t>{1});
  take(sessions.opened(link_id{1}, fail(errc::io, "no")));
  EXPECT_EQ(closed.size(), 1U);
}

TEST_F(view_sessions_test, refuses_other_protocols_later_reigns_and_too_many_views) {
  auto other = join_of("main");
  other.protocol = 2;
  sessions.connected(link_id{1}, "beside");
  take(sessions.received(link_id{1}, other));
  EXPECT_EQ(hung_up.at(1).code, errc::newer_version);
  auto later = join_of("main");
  later.epoch_seen.value = 8;
  sessions.connected(link_id{2}, "beside");
  take(sessions.received(link_id{2}, later));
  EXPECT_EQ(hung_up.at(2).code, errc::stale_epoch);
  for (std::uint64_t i = 3; i < 7; ++i) join(i, "beside", "view-" + std::to_string(i));
  EXPECT_EQ(hung_up.at(6).code, errc::busy);
  EXPECT_EQ(sessions.feeding(), 3U);
}

TEST_F(view_sessions_test, a_view_that_cannot_be_fed_says_why) {
  taken = fail(errc::permission_denied, "not this one");
  join(1, "beside");
  EXPECT_EQ(hung_up.at(1).context, "not this one");
  EXPECT_EQ(last_of<views::refusal>(1)->code, errc::permission_denied);
  EXPECT_EQ(sessions.feeding(), 0U);
  EXPECT_TRUE(closed.empty());
}

TEST_F(view_sessions_test, stores_are_told_with_the_welcome_and_when_they_change) {
  views::settings stores;
  stores.copies = 2;
  stores.stores = {{"127.0.0.1:1", {}}};
  take(sessions.set_stores(stores));
  join(1, "beside");
  EXPECT_EQ(last_of<views::welcome>(1)->first, stores);
  stores.stores.clear();
  take(sessions.set_stores(stores));
  EXPECT_EQ(*last_of<views::settings>(1), stores);
}

}  // namespace
}  // namespace graphite
