#include "coordinator/cluster/lease_table.hpp"

#include <gtest/gtest.h>

#include "tests/support/seeded_random.hpp"

namespace graphite {
namespace {

time_point at(int ms) { return time_from_ns(0) + milliseconds(ms); }

struct world {
  lease_table table{epoch_number{10}, {.ttl = milliseconds(1'000), .nodes_max = 2}};
  test::seeded_random random{1};
  incarnation_id start() { return {make_uuid(random)}; }
};

TEST(lease_table, a_node_that_is_heard_of_lives) {
  world w;
  const auto hello = *w.table.hello("a", w.start(), epoch_number{0}, at(0));
  EXPECT_EQ(hello.lost, node_session{});
  EXPECT_FALSE(hello.returned);
  EXPECT_EQ(w.table.next_expiry(), at(1'000));
  EXPECT_EQ(*w.table.heard(hello.session, epoch_number{10}, at(900)), hello.node);
  EXPECT_TRUE(w.table.expire(at(1'899)).empty());
  EXPECT_EQ(w.table.expire(at(1'900)), (std::vector<lease_table::lost_node>{{hello.node, hello.session}}));
  EXPECT_FALSE(w.table.current(hello.session));
  EXPECT_TRUE(w.table.expire(at(9'000)).empty()) << "lost once";
  EXPECT_FALSE(w.table.next_expiry());
}

TEST(lease_table, one_that_returns_after_its_time_has_to_say_hello) {
  world w;
  const auto start = w.start();
  const auto hello = *w.table.hello("a", start, epoch_number{0}, at(0));
  w.table.expire(at(1'000));
  EXPECT_EQ(w.table.heard(hello.session, epoch_number{10}, at(1'001)).error().code, errc::not_found);
  const auto again = *w.table.hello("a", start, epoch_number{10}, at(1'002));
  EXPECT_EQ(again.node, hello.node);
  EXPECT_NE(again.session, hello.session);
  EXPECT_TRUE(again.returned);
  EXPECT_EQ(again.lost, node_session{}) << "that was told before";
  EXPECT_FALSE(w.table.heard(hello.session, epoch_number{10}, at(1'003)));
}

TEST(lease_table, a_node_restarted_in_place_loses_its_old_session_at_once) {
  world w;
  const auto first = *w.table.hello("a", w.start(), epoch_number{0}, at(0));
  const auto second = *w.table.hello("a", w.start(), epoch_number{0}, at(1));
  EXPECT_EQ(second.node, first.node);
  EXPECT_EQ(second.lost, first.session);
  EXPECT_FALSE(second.returned);
  EXPECT_FALSE(w.table.heard(first.session, epoch_number{10}, at(2)));
  EXPECT_TRUE(w.table.heard(second.session, epoch_number{10}, at(2)));
}

TEST(lease_table, refuses_an_earlier_reign_and_yields_to_a_later_one) {
  world w;
  const auto hello = *w.table.hello("a", w.start(), epoch_number{9}, at(0));
  EXPECT_EQ(w.table.heard(hello.session, epoch_number{9}, at(1)).error().code, errc::stale_epoch);
  EXPECT_FALSE(w.table.is_deposed());
  EXPECT_EQ(w.table.hello("b", w.start(), epoch_number{11}, at(1)).error().code, errc::stale_epoch);
  EXPECT_TRUE(w.table.is_deposed());
  EXPECT_EQ(w.table.heard(hello.session, epoch_number{10}, at(2)).error().code, errc::stale_epoch);
  world other;
  const auto there = *other.table.hello("a", other.start(), epoch_number{9}, at(0));
  EXPECT_FALSE(other.table.heard(there.session, epoch_number{11}, at(1)));
  EXPECT_TRUE(other.table.is_deposed());
}

TEST(lease_table, names_are_bounded_and_those_away_make_room) {
  world w;
  const auto a = *w.table.hello("a", w.start(), epoch_number{0}, at(0));
  w.table.hello("b", w.start(), epoch_number{0}, at(0));
  EXPECT_EQ(w.table.hello("c", w.start(), epoch_number{0}, at(0)).error().code, errc::busy);
  EXPECT_TRUE(w.table.end(a.session));
  EXPECT_FALSE(w.table.end(a.session));
  ASSERT_TRUE(w.table.set_service("a", lease_table::service::cordoned));
  EXPECT_EQ(w.table.hello("c", w.start(), epoch_number{0}, at(0)).error().code, errc::busy)
      << "that a is cordoned has to be kept";
  ASSERT_TRUE(w.table.set_service("a", lease_table::service::in));
  const auto c = w.table.hello("c", w.start(), epoch_number{0}, at(0));
  ASSERT_TRUE(c);
  EXPECT_EQ(w.table.name_of(c->node), "c");
  EXPECT_FALSE(w.table.find("a"));
  EXPECT_FALSE(c->returned);
}

TEST(lease_table, a_made_up_session_is_nobodys) {
  world w;
  w.table.hello("a", w.start(), epoch_number{0}, at(0));
  EXPECT_FALSE(w.table.current(node_session{}));
  EXPECT_FALSE(w.table.current(node_session{0xffffffffu}));
  EXPECT_FALSE(w.table.current(node_session{std::uint64_t{5} << 32}));
}

}  // namespace
}  // namespace graphite
