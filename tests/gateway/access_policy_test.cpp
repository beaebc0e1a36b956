#include "gateway/access_policy.hpp"

#include <capnp/schema.h>
#include <gtest/gtest.h>

#include "core/client_identity.hpp"
#include "gateway/identity_table.hpp"
#include "gateway/live_revocations.hpp"
#include "gateway/method_verbs.hpp"
#include "platform/crypto/ed25519.hpp"
#include "schemas/service.capnp.h"

namespace graphite {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000, start_ns = 1'700'000'000 * second_ns;
constexpr std::int64_t hour = 3'600 * second_ns;

struct token_traps : testing::Test {
  token_traps() {
    options.tenant = "studio";
    options.roots = {root->key()};
    options.clock_tolerance = milliseconds(60'000);
  }

  token_statement good() const {
    return {"studio", "ci", {verb::query, verb::build}, 9, {start_ns, start_ns + hour}};
  }
  std::string text(const token_statement& what) const { return token_text(sign_token(what, *root).value()); }
  result<access_grant> ask(std::string_view shown, std::int64_t now = start_ns + 1) const {
    return access_policy(options, verifier).by_token(shown, revoked, now);
  }
  void refuses(std::string_view shown, const std::string& reason, std::int64_t now = start_ns + 1) const {
    const auto answer = ask(shown, now);
    ASSERT_FALSE(answer) << reason;
    EXPECT_EQ(answer.error().code, errc::permission_denied);
    EXPECT_NE(answer.error().context.find(reason), std::string::npos) << answer.error().context;
  }

  std::unique_ptr<ed25519_signer> root = ed25519_signer::generate().value();
  std::unique_ptr<ed25519_signer> other = ed25519_signer::generate().value();
  ed25519_verifier verifier;
  access_options options;
  revocations_statement revoked;
};

TEST_F(token_traps, a_good_token_says_who_and_what) {
  const auto who = ask(text(good()));
  ASSERT_TRUE(who) << who.error().context;
  EXPECT_EQ(who->name, "ci");
  EXPECT_EQ(who->tenant, "studio");
  EXPECT_EQ(who->verbs, (verb_set{verb::query, verb::build}));
  EXPECT_EQ(to_string(*who), "token 9 of ci");
}

TEST_F(token_traps, without_a_signature_is_refused) {
  auto unsigned_token = sign_token(good(), *root).value();
  unsigned_token.by = {};
  refuses(token_text(unsigned_token), "no root that this service trusts");
  refuses("", "a token begins with graphite1.");
  refuses("graphite1.", "not whole");
}

TEST_F(token_traps, of_another_root_is_refused) {
  refuses(token_text(sign_token(good(), *other).value()), "no root that this service trusts");
}

TEST_F(token_traps, of_a_second_root_counts_while_both_do) {
  options.roots.push_back(other->key());
  EXPECT_TRUE(ask(token_text(sign_token(good(), *other).value())));
  EXPECT_TRUE(ask(text(good())));
  options.roots.erase(options.roots.begin());
  refuses(text(good()), "no root that this service trusts");
}

TEST_F(token_traps, of_a_root_whose_time_has_ended_is_refused) {
  options.roots = {other->key(), {root->key(), start_ns + 5}};
  EXPECT_TRUE(ask(text(good()), start_ns + 4));
  refuses(text(good()), "no root that this service trusts", start_ns + 5);
}

TEST_F(token_traps, sessions_end_with_the_root_that_gave_them) {
  options.roots = {{root->key(), start_ns + 5}};
  access_policy policy(options, verifier);
  const auto who = policy.by_token(text(good()), revoked, start_ns + 1).value();
  EXPECT_TRUE(policy.still_counts(who, revoked, start_ns + 4));
  const auto ended = policy.still_counts(who, revoked, start_ns + 5);
  ASSERT_FALSE(ended);
  EXPECT_NE(ended.error().context.find("token 9 of ci is of a root that counts no more"), std::string::npos);
  EXPECT_TRUE(policy.still_counts(policy.by_start_token(), revoked, start_ns + 5)) << "no root gave it";
  policy.set_roots({root->key()});
  EXPECT_TRUE(policy.still_counts(who, revoked, start_ns + 5));
  policy.set_roots({other->key()});
  EXPECT_FALSE(policy.permits(who, verb::build, revoked, start_ns + 1));
}

TEST_F(token_traps, that_is_a_statement_of_another_kind_is_refused) {
  const ticket_statement ticket{"studio", "ci", {}, 9, good().valid};
  refuses(token_text(sign_ticket(ticket, *root).value()), "no root that this service trusts");
  const role_key_statement role_key{role::node, "ci", other->key(), 9, good().valid};
  refuses(token_text(sign_role_key(role_key, *root).value()), "no root that this service trusts");
  // The bytes of a token under the signature of another kind.
  auto confused = sign_token(good(), *root).value();
  confused.by = sign_statement(statement_kind::ticket, confused.body, *root).value();
  refuses(token_text(confused), "no root that this service trusts");
}

TEST_F(token_traps, of_another_tenant_is_refused) {
  auto what = good();
  what.tenant = "rival";
  refuses(text(what), "this token is for tenant rival, this service serves studio");
}

TEST_F(token_traps, that_is_early_or_late_counts_within_the_tolerance_of_clocks) {
  const auto shown = text(good());
  EXPECT_TRUE(ask(shown, start_ns - 59 * second_ns));
  EXPECT_TRUE(ask(shown, start_ns + hour + 59 * second_ns));
  refuses(shown, "does not count yet: compare the clocks", start_ns - 61 * second_ns);
  refuses(shown, "token 9 of ci has expired", start_ns + hour + 60 * second_ns);
}

TEST_F(token_traps, with_the_longest_time_does_not_overflow) {
  auto what = good();
  what.valid = {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()};
  EXPECT_TRUE(ask(text(what)));
  EXPECT_TRUE(ask(text(what), std::numeric_limits<std::int64_t>::max() - 1));
  EXPECT_TRUE(ask(text(what), std::numeric_limits<std::int64_t>::min()));
}

TEST_F(token_traps, that_was_revoked_is_refused) {
  revoked.serials = {9};
  refuses(text(good()), "token 9 of ci was revoked");
}

TEST_F(token_traps, that_was_cut_or_changed_anywhere_is_refused) {
  const auto whole = text(good());
  for (std::size_t i = 0; i < whole.size(); ++i) {
    EXPECT_FALSE(ask(whole.substr(0, i)));
    auto changed = whole;
    changed[i] = changed[i] == '1' ? '2' : '1';
    EXPECT_FALSE(ask(changed)) << i;
  }
  EXPECT_FALSE(ask(whole + "0"));
  EXPECT_FALSE(ask(whole + "00"));
  EXPECT_FALSE(ask(whole + "\n"));
  EXPECT_FALSE(ask(std::string(1'000'000, '0')));
}

TEST_F(token_traps, with_verbs_that_do_not_exist_is_refused) {
  // Signed by the root, and by a program that knows more verbs than this one.
  auto newer = sign_token(good(), *root).value();
  const auto at = std::find(newer.body.begin(), newer.body.end(), std::byte{0x03});
  ASSERT_NE(at, newer.body.end());
  *at = std::byte{0x13};
  newer.by = sign_statement(statement_kind::token, newer.body, *root).value();
  refuses(token_text(newer), "cannot read");
}

TEST_F(token_traps, expiry_and_revocation_are_seen_within_a_session) {
  const access_policy policy(options, verifier);
  const auto who = ask(text(good())).value();
  EXPECT_TRUE(policy.permits(who, verb::build, revoked, start_ns + 1));
  EXPECT_EQ(policy.permits(who, verb::publish, revoked, start_ns + 1).error().context,
            "token 9 of ci may query,build, and this needs publish");
  EXPECT_FALSE(policy.permits(who, verb::build, revoked, start_ns + 2 * hour));
  revoked.serials = {9};
  EXPECT_FALSE(policy.permits(who, verb::build, revoked, start_ns + 1));
}

TEST_F(token_traps, serials_mean_nothing_to_who_has_none) {
  revoked.serials = {0};
  const access_policy policy(options, verifier);
  EXPECT_TRUE(policy.permits(policy.by_peer_credentials(1'000, 7), verb::operate, revoked, start_ns));
  EXPECT_TRUE(policy.permits(policy.by_start_token(), verb::operate, revoked, start_ns));
}

TEST(method_verbs, name_every_method_of_the_schema_in_its_place) {
  const auto methods = capnp::Schema::from<schema::service::Session>().getMethods();
  ASSERT_EQ(methods.size(), session_methods.size()) << "a method without a verb is closed to everybody";
  for (const auto method : methods)
    EXPECT_EQ(session_methods[method.getOrdinal()].method, method.getProto().getName().cStr());
}

TEST(live_revocations, the_highest_number_wins) {
  live_revocations list;
  EXPECT_TRUE(list.now()->serials.empty());
  list.update({2, {7}, {}});
  const auto seen = list.now();
  list.update({1, {}, {}});
  list.update({2, {}, {}});
  EXPECT_TRUE(list.now()->serials.contains(7));
  list.update({3, {8}, {}});
  EXPECT_TRUE(list.now()->serials.contains(8));
  EXPECT_TRUE(seen->serials.contains(7));
}

TEST(identity_table, bounds_connections_of_each_identity) {
  identity_table table({2, {10, 10}, 8});
  const time_point now{};
  auto first = table.enter("ann", now).value();
  auto second = table.enter("ann", now).value();
  EXPECT_EQ(table.enter("ann", now).error().code, errc::busy);
  EXPECT_TRUE(table.enter("bob", now));
  second.reset();
  EXPECT_TRUE(table.enter("ann", now));
}

TEST(identity_table, remembers_how_often_one_called_after_it_went) {
  identity_table table({2, {1, 2}, 8});
  const time_point now{seconds(10)};
  EXPECT_TRUE(table.enter("ann", now).value()->may_call(now));
  auto again = table.enter("ann", now).value();
  EXPECT_TRUE(again->may_call(now));
  EXPECT_FALSE(again->may_call(now));
}

TEST(identity_table, forgets_the_idle_when_it_is_full) {
  identity_table table({2, {1, 1}, 2});
  const time_point now{seconds(10)}, later{seconds(20)};
  EXPECT_TRUE(table.enter("ann", now).value()->may_call(now));
  const auto bob = table.enter("bob", now).value();
  EXPECT_EQ(table.enter("eve", now).error().code, errc::busy);  // ann has yet to rest
  EXPECT_TRUE(table.enter("eve", later));
  EXPECT_EQ(table.size(), 2u);
}

}  // namespace
}  // namespace graphite
