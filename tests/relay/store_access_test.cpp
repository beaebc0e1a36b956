#include "relay/store_access.hpp"

#include <gtest/gtest.h>

#include "tests/stores/role_keys.hpp"
#include "tests/support/seeded_random.hpp"

namespace graphite {
namespace {

using step_of = stores::enrol_request::what;

constexpr curve_key curve_of(int n) { return {{static_cast<std::byte>(n)}}; }
constexpr curve_key port_key = curve_of(99);

class store_access_test : public testing::Test {
 protected:
  hello_dialler dialler(const hello_identity& self, const curve_key& own, const curve_key& port = port_key) {
    return {self, {role::node, {}, seconds(10), store_port_binding(port, own)}, keys_.verifier, at_.now};
  }
  result<stores::enrol_reply> begin(const curve_key& who) {
    return access_.enrol(who, {step_of::begin, {}}, random_, at_);
  }
  /// Empty where it was let in; otherwise why not.
  std::string enrol(const hello_identity& self, const curve_key& own, const curve_key& claims,
                    const curve_key& port = port_key) {
    auto there = dialler(self, claims, port);
    const auto challenge = begin(own);
    if (!challenge) return challenge.error().context;
    const auto answer = there.answer(challenge->shown, random_, keys_.trust(), at_);
    if (!answer) return answer.error().context;
    const auto proof = access_.enrol(own, {step_of::prove, *answer}, random_, at_);
    if (!proof) return proof.error().context;
    const auto who = there.finish(proof->shown, keys_.trust(), at_);
    return who ? std::string() : who.error().context;
  }
  std::string enrol(const hello_identity& self, const curve_key& own) { return enrol(self, own, own); }
  std::string show(const curve_key& own, const byte_vector& pass) {
    const auto shown = access_.enrol(own, {step_of::pass, pass}, random_, at_);
    return shown ? std::string() : shown.error().context;
  }
  bool may(const curve_key& who) { return access_.check(who, at_.unix_ns).has_value(); }
  static bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
  }

  test::role_keys keys_;
  test::seeded_random random_{3};
  hello_time at_{time_from_ns(1'000'000'000'000), keys_.unix_now};
  hello_identity store_ = keys_.identity(role::node, "store-1", 1),
                 node_ = keys_.identity(role::node, "node-1", 2),
                 coordinator_ = keys_.identity(role::coordinator, "main", 3);
  store_access access_{store_, port_key, keys_.trust(), {.pending_max = 3}, keys_.verifier};
};

TEST_F(store_access_test, a_node_that_proves_its_key_gets_a_grant_for_its_curve_key) {
  EXPECT_FALSE(may(curve_of(1)));
  EXPECT_EQ(enrol(node_, curve_of(1)), "");
  EXPECT_TRUE(may(curve_of(1)));
  EXPECT_FALSE(may(curve_of(2)));
  EXPECT_EQ(access_.name_of(curve_of(1)), "node 'node-1'");
}

TEST_F(store_access_test, what_was_proved_on_another_connection_counts_for_nothing) {
  EXPECT_TRUE(has(enrol(node_, curve_of(1), curve_of(2)), "has not proved that it has its key"))
      << "the answer is bound to another client's key";
  EXPECT_NE(enrol(node_, curve_of(1), curve_of(1), curve_of(98)), "") << "or to another store's";
  EXPECT_FALSE(may(curve_of(1)));
}

TEST_F(store_access_test, an_answer_counts_once_and_for_who_was_asked) {
  auto there = dialler(node_, curve_of(1));
  const auto answer = there.answer(begin(curve_of(1))->shown, random_, keys_.trust(), at_).value();
  ASSERT_TRUE(begin(curve_of(2)));
  EXPECT_FALSE(access_.enrol(curve_of(2), {step_of::prove, answer}, random_, at_));
  EXPECT_TRUE(access_.enrol(curve_of(1), {step_of::prove, answer}, random_, at_));
  EXPECT_FALSE(access_.enrol(curve_of(1), {step_of::prove, answer}, random_, at_)) << "again";
  EXPECT_FALSE(may(curve_of(2)));
}

TEST_F(store_access_test, only_wanted_roles_are_let_in) {
  EXPECT_TRUE(has(enrol(keys_.identity(role::relay, "relay-1", 7), curve_of(1)), "may not dial here"));
  EXPECT_EQ(enrol(keys_.identity(role::watch, "watch-1", 8), curve_of(1)), "");
}

TEST_F(store_access_test, a_revoked_or_expired_key_gets_nothing_and_loses_what_it_had) {
  EXPECT_EQ(enrol(node_, curve_of(1)), "");
  access_.set_trust(keys_.trust({2}));
  EXPECT_FALSE(may(curve_of(1)));
  EXPECT_TRUE(has(enrol(node_, curve_of(1)), "revoked"));
  const auto brief = keys_.identity(role::node, "brief", 5, {keys_.unix_now - 5, keys_.unix_now + 1000});
  EXPECT_EQ(enrol(brief, curve_of(3)), "");
  EXPECT_TRUE(may(curve_of(3)));
  at_.unix_ns += 1000;
  EXPECT_FALSE(may(curve_of(3)));
  EXPECT_TRUE(has(enrol(brief, curve_of(3)), "expired"));
}

TEST_F(store_access_test, other_roots_end_all_grants) {
  EXPECT_EQ(enrol(node_, curve_of(1)), "");
  access_.set_trust({{test::role_keys().root->key()}, {}});
  EXPECT_FALSE(may(curve_of(1)));
  EXPECT_TRUE(has(enrol(node_, curve_of(1)), "no pinned root signed"));
}

TEST_F(store_access_test, who_does_not_finish_makes_room_for_others) {
  for (int i = 1; i <= 10; ++i) ASSERT_TRUE(begin(curve_of(i)));
  EXPECT_EQ(access_.pending(), 3U);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(begin(curve_of(10)));
  EXPECT_EQ(access_.pending(), 3U);
  EXPECT_EQ(enrol(node_, curve_of(1)), "");
}

TEST_F(store_access_test, an_answer_that_comes_too_late_is_refused) {
  auto there = dialler(node_, curve_of(1));
  const auto answer = there.answer(begin(curve_of(1))->shown, random_, keys_.trust(), at_).value();
  at_.now += seconds(10);
  const auto late = access_.enrol(curve_of(1), {step_of::prove, answer}, random_, at_);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, errc::timed_out);
}

TEST_F(store_access_test, the_process_itself_needs_no_hello) {
  access_.admit(curve_of(5));
  EXPECT_TRUE(may(curve_of(5)));
}

TEST_F(store_access_test, a_pass_by_the_coordinator_lets_a_client_in_while_it_holds) {
  const validity brief{keys_.unix_now - 5, keys_.unix_now + 1000};
  EXPECT_EQ(show(curve_of(4), keys_.pass(coordinator_, curve_of(4), brief)), "");
  EXPECT_TRUE(may(curve_of(4)));
  EXPECT_EQ(access_.name_of(curve_of(4)), "a client of tenant main");
  at_.unix_ns += 1000;
  EXPECT_FALSE(may(curve_of(4)));
  EXPECT_TRUE(has(show(curve_of(4), keys_.pass(coordinator_, curve_of(4), brief)), "expired"));
}

TEST_F(store_access_test, a_pass_for_another_key_or_by_another_role_is_refused) {
  EXPECT_TRUE(
      has(show(curve_of(4), keys_.pass(coordinator_, curve_of(5), keys_.valid())), "another client's key"));
  EXPECT_TRUE(has(show(curve_of(4), keys_.pass(node_, curve_of(4), keys_.valid())), "only a coordinator"));
  const test::role_keys others;
  EXPECT_TRUE(has(show(curve_of(4), others.pass(others.identity(role::coordinator, "main", 3), curve_of(4),
                                                others.valid())),
                  "no pinned root signed"));
  auto broken = keys_.pass(coordinator_, curve_of(4), keys_.valid());
  broken[broken.size() / 2] ^= std::byte{1};
  EXPECT_NE(show(curve_of(4), broken), "");
  EXPECT_NE(show(curve_of(4), {}), "");
  EXPECT_FALSE(may(curve_of(4)));
}

TEST_F(store_access_test, a_pass_ends_with_the_key_that_signed_it) {
  EXPECT_EQ(show(curve_of(4), keys_.pass(coordinator_, curve_of(4), keys_.valid())), "");
  access_.set_trust(keys_.trust({3}));
  EXPECT_FALSE(may(curve_of(4)));
}

}  // namespace
}  // namespace graphite
