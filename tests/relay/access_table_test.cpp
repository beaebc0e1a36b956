#include "relay/access_table.hpp"

#include <gtest/gtest.h>

#include "platform/crypto/ed25519.hpp"

namespace graphite {
namespace {

constexpr std::int64_t now = 1'760'000'000'000'000'000, day = 86'400'000'000'000;

struct counting final : signature_verifier {
  bool verifies(const public_key& by, byte_span message, const signature& what) const override {
    ++calls;
    return real.verifies(by, message, what);
  }
  ed25519_verifier real;
  mutable int calls = 0;
};

struct access : testing::Test {
  std::unique_ptr<ed25519_signer> root = ed25519_signer::generate().value(),
                                  channel_key = ed25519_signer::generate().value();
  counting verifier;
  access_table table{{.clients_max = 3, .channels_per_client_max = 2}, {root->key()}, verifier};

  static curve_key client(unsigned char n) {
    curve_key out;
    out.bytes.fill(std::byte{n});
    return out;
  }
  signed_statement key(const std::string& channel, std::uint64_t serial = 1,
                       std::int64_t until = now + 30 * day) {
    return sign_channel_key({channel, channel_key->key(), serial, {now - day, until}}, *root).value();
  }
  byte_vector ticket_for(const curve_key& who, const std::string& channel, std::uint64_t serial = 100,
                         std::int64_t until = now + 10 * day) {
    return encode_ticket(
        {key(channel), sign_ticket({channel, "pc", who, serial, {now - day, until}}, *channel_key).value()});
  }
  result<enrolled> show(const curve_key& who, std::vector<byte_vector> tickets, std::int64_t at = now) {
    return table.enrol(who, tickets, at);
  }
  signed_statement list(std::uint64_t number, std::set<std::uint64_t> serials,
                        std::set<curve_key> clients = {}) {
    return sign_revocations({number, std::move(serials), std::move(clients)}, *root).value();
  }
};

TEST_F(access, a_ticket_gives_its_channel_and_no_other) {
  const auto how = show(client(1), {ticket_for(client(1), "game")});
  ASSERT_TRUE(how) << how.error().context;
  EXPECT_EQ(how->grants, (std::vector<channel_grant>{{"game", now + 10 * day, 100, 1, root->key()}}));
  EXPECT_TRUE(table.check(client(1), "game", now));
  EXPECT_EQ(table.check(client(1), "other", now).error().code, errc::permission_denied);
  EXPECT_FALSE(table.check(client(1), "", now));
  EXPECT_FALSE(table.check(client(2), "game", now));
}

TEST_F(access, who_has_nothing_is_told_why) {
  EXPECT_EQ(table.why_not(client(1)), "this client has no grant (any more): it has to enrol with a ticket");
  table.ban(client(2));
  ASSERT_TRUE(table.revoke(list(1, {}, {client(3)}), now));
  EXPECT_NE(table.why_not(client(2)).find("is shut out"), std::string::npos);
  EXPECT_NE(table.why_not(client(3)).find("was revoked"), std::string::npos);
  for (const unsigned char n : {1, 2, 3})
    EXPECT_EQ(table.check(client(n), "game", now).error().context, table.why_not(client(n)));
}

TEST_F(access, a_grant_ends_with_the_ticket) {
  ASSERT_TRUE(show(client(1), {ticket_for(client(1), "game")}));
  EXPECT_TRUE(table.check(client(1), "game", now + 10 * day - 1));
  EXPECT_EQ(table.withdrawals(), 0u);
  EXPECT_FALSE(table.check(client(1), "game", now + 10 * day));
  EXPECT_EQ(table.withdrawals(), 1u);
  EXPECT_FALSE(table.has_grant(client(1), now + 10 * day));
}

TEST_F(access, a_grant_ends_with_the_key_that_signed_the_ticket) {
  const auto short_key = key("game", 4, now + day);
  const auto grant =
      sign_ticket({"game", "pc", client(1), 9, {now - day, now + 10 * day}}, *channel_key).value();
  const auto how = show(client(1), {encode_ticket({short_key, grant})});
  ASSERT_TRUE(how);
  EXPECT_EQ(how->grants[0].until_unix_ns, now + day);
  EXPECT_FALSE(table.check(client(1), "game", now + day));
}

TEST_F(access, some_tickets_may_be_refused_and_others_taken) {
  const auto how = show(client(1), {ticket_for(client(2), "game"), ticket_for(client(1), "other")});
  ASSERT_TRUE(how);
  EXPECT_EQ(how->grants.size(), 1u);
  ASSERT_EQ(how->refused.size(), 1u);
  EXPECT_NE(how->refused[0].find("another client's key"), std::string::npos);
  EXPECT_FALSE(table.check(client(1), "game", now));
}

TEST_F(access, a_ticket_that_ends_sooner_takes_nothing_away) {
  ASSERT_TRUE(show(client(1), {ticket_for(client(1), "game", 1, now + 10 * day)}));
  ASSERT_TRUE(show(client(1), {ticket_for(client(1), "game", 2, now + 5 * day)}));
  EXPECT_TRUE(table.check(client(1), "game", now + 9 * day));
}

TEST_F(access, revoked_serials_and_keys_count_no_more) {
  ASSERT_TRUE(show(client(1), {ticket_for(client(1), "game", 11), ticket_for(client(1), "other", 12)}));
  ASSERT_TRUE(show(client(2), {ticket_for(client(2), "game", 13)}));
  ASSERT_TRUE(table.revoke(list(5, {11}, {client(2)}), now));
  EXPECT_EQ(table.withdrawals(), 2u);
  EXPECT_FALSE(table.check(client(1), "game", now));
  EXPECT_TRUE(table.check(client(1), "other", now));
  EXPECT_FALSE(table.has_grant(client(2), now));
  EXPECT_FALSE(show(client(1), {ticket_for(client(1), "game", 11)}));
  EXPECT_FALSE(show(client(2), {ticket_for(client(2), "game", 99)}));
  ASSERT_TRUE(table.revoke(list(6, {1}), now)) << "the channels' key";
  EXPECT_FALSE(table.has_grant(client(1), now));
}

TEST_F(access, an_older_list_is_refused_and_changes_nothing) {
  ASSERT_TRUE(table.revoke(list(5, {11}), now));
  EXPECT_TRUE(table.revoke(list(5, {11}), now));
  EXPECT_EQ(table.revoke(list(4, {}), now).error().code, errc::stale_epoch);
  const auto stranger = ed25519_signer::generate().value();
  EXPECT_EQ(table.revoke(sign_revocations({9, {}, {}}, *stranger).value(), now).error().code,
            errc::permission_denied);
  EXPECT_FALSE(show(client(1), {ticket_for(client(1), "game", 11)}));
}

TEST_F(access, is_bounded_and_makes_room_when_grants_end) {
  for (unsigned char n = 1; n <= 3; ++n)
    ASSERT_TRUE(show(client(n), {ticket_for(client(n), "game", n, now + n * day)}));
  EXPECT_EQ(show(client(4), {ticket_for(client(4), "game")}).error().code, errc::busy);
  ASSERT_TRUE(show(client(2), {ticket_for(client(2), "other")})) << "who is in may have more";
  EXPECT_TRUE(show(client(4), {ticket_for(client(4), "game")}, now + day)) << "the first has ended";
  const auto third = show(client(2), {ticket_for(client(2), "third")});
  ASSERT_FALSE(third);
  EXPECT_NE(third.error().context.find("one more than the 2"), std::string::npos);
  EXPECT_EQ(show(client(2), std::vector<byte_vector>(5)).error().code, errc::too_large);
}

TEST_F(access, a_flood_of_wrong_tickets_leaves_nothing) {
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(show(client(9), {byte_vector(1000, std::byte{7})}));
  EXPECT_EQ(table.clients(), 0u);
  EXPECT_EQ(verifier.calls, 0) << "no signature is looked at before it can be one";
}

TEST_F(access, another_root_counts_once_it_is_set) {
  const auto next = ed25519_signer::generate().value();
  const auto by_next =
      sign_channel_key({"game", channel_key->key(), 50, {now - day, now + 30 * day}}, *next).value();
  const auto grant = sign_ticket({"game", "pc", client(1), 9, {now, now + day}}, *channel_key).value();
  EXPECT_FALSE(show(client(1), {encode_ticket({by_next, grant})}));
  table.set_roots({root->key(), next->key()}, now);
  EXPECT_TRUE(show(client(1), {encode_ticket({by_next, grant})}));
}

TEST_F(access, a_grant_ends_with_the_time_of_its_root) {
  table.set_roots({{root->key(), now + day}}, now);
  const auto how = show(client(1), {ticket_for(client(1), "game")});
  ASSERT_TRUE(how);
  EXPECT_EQ(how->grants[0].until_unix_ns, now + day) << "which the client is told";
  EXPECT_TRUE(table.check(client(1), "game", now + day - 1));
  EXPECT_FALSE(table.check(client(1), "game", now + day));
  EXPECT_EQ(table.withdrawals(), 1u);
  const auto late = show(client(1), {ticket_for(client(1), "game")}, now + day);
  ASSERT_FALSE(late);
  EXPECT_NE(late.error().context.find("a root whose time has ended"), std::string::npos);
}

TEST_F(access, what_a_root_gave_ends_when_it_is_replaced_and_its_overlap_is_over) {
  const auto next = ed25519_signer::generate().value();
  ASSERT_TRUE(show(client(1), {ticket_for(client(1), "game")}));
  const auto by_next =
      sign_channel_key({"game", channel_key->key(), 50, {now - day, now + 30 * day}}, *next).value();
  const auto grant = sign_ticket({"game", "pc", client(2), 9, {now, now + 5 * day}}, *channel_key).value();
  table.set_roots({next->key(), {root->key(), now + day}}, now);
  ASSERT_TRUE(show(client(2), {encode_ticket({by_next, grant})}));
  EXPECT_TRUE(table.check(client(1), "game", now + day - 1)) << "both count";
  EXPECT_FALSE(table.check(client(1), "game", now + day));
  EXPECT_TRUE(table.check(client(2), "game", now + day));
}

TEST_F(access, what_a_root_gave_ends_when_it_is_pinned_no_more) {
  const auto next = ed25519_signer::generate().value();
  ASSERT_TRUE(show(client(1), {ticket_for(client(1), "game")}));
  table.set_roots({next->key()}, now);
  EXPECT_FALSE(table.has_grant(client(1), now));
  EXPECT_EQ(table.withdrawals(), 1u);
}

TEST_F(access, what_a_root_revoked_stays_revoked_when_its_time_has_ended) {
  table.set_roots({{root->key(), now + day}}, now);
  EXPECT_TRUE(table.revoke(list(5, {11}), now + 2 * day));
}

}  // namespace
}  // namespace graphite
