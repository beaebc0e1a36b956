#include "core/credentials.hpp"

#include <gtest/gtest.h>

#include "platform/crypto/ed25519.hpp"

namespace graphite {
namespace {

struct credentials : testing::Test {
  std::unique_ptr<ed25519_signer> root = ed25519_signer::generate().value();
  std::unique_ptr<ed25519_signer> other = ed25519_signer::generate().value();
  ed25519_verifier verifier;
  validity valid{1'000, 2'000};

  role_key_statement some_role() const { return {role::relay, "relay-1", other->key(), 8, valid}; }
  ticket_statement some_ticket() const {
    ticket_statement out{"game", "server-1", {}, 9, valid};
    out.client.bytes.fill(std::byte{0x41});
    return out;
  }
  token_statement some_token() const { return {"studio", "ci", {verb::query, verb::build}, 10, valid}; }
  revocations_statement some_revocations() const {
    revocations_statement out{3, {1, 500, 70'000}, {}};
    for (int i = 0; i < 3; ++i) {
      curve_key one;
      one.bytes.fill(static_cast<std::byte>(i));
      out.clients.insert(one);
    }
    return out;
  }
};

TEST_F(credentials, say_what_was_signed) {
  EXPECT_EQ(verified_role_key(sign_role_key(some_role(), *root).value(), root->key(), verifier).value(),
            some_role());
  EXPECT_EQ(verified_ticket(sign_ticket(some_ticket(), *root).value(), root->key(), verifier).value(),
            some_ticket());
  EXPECT_EQ(verified_token(sign_token(some_token(), *root).value(), root->key(), verifier).value(),
            some_token());
  EXPECT_EQ(verified_revocations(sign_revocations(some_revocations(), *root).value(), root->key(), verifier)
                .value(),
            some_revocations());
}

TEST_F(credentials, with_the_longest_names_fit) {
  auto role_key = some_role();
  role_key.name.assign(peer_name_bytes_max, 'x');
  auto ticket = some_ticket();
  ticket.channel = ticket.name = role_key.name;
  auto token = some_token();
  token.tenant = token.name = role_key.name;
  role_key.serial = ticket.serial = token.serial = ~std::uint64_t{0};
  role_key.valid = ticket.valid =
      token.valid = {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()};
  for (const auto& one :
       {sign_role_key(role_key, *root), sign_ticket(ticket, *root), sign_token(token, *root)})
    EXPECT_TRUE(decode_signed(encode_signed(one.value())));
  EXPECT_TRUE(parse_token_text(token_text(sign_token(token, *root).value())));
}

TEST_F(credentials, of_another_signer_are_refused) {
  const auto code = errc::permission_denied;
  EXPECT_EQ(verified_role_key(sign_role_key(some_role(), *other).value(), root->key(), verifier).error().code,
            code);
  EXPECT_EQ(verified_ticket(sign_ticket(some_ticket(), *other).value(), root->key(), verifier).error().code,
            code);
  EXPECT_EQ(verified_token(sign_token(some_token(), *other).value(), root->key(), verifier).error().code,
            code);
  EXPECT_EQ(verified_revocations(sign_revocations(some_revocations(), *other).value(), root->key(), verifier)
                .error()
                .code,
            code);
}

/// A ticket that the root signed itself is no token, and the other way round.
TEST_F(credentials, of_one_kind_are_none_of_another) {
  const auto ticket = sign_ticket(some_ticket(), *root).value();
  EXPECT_FALSE(verified_token(ticket, root->key(), verifier));
  EXPECT_FALSE(verified_role_key(ticket, root->key(), verifier));
  EXPECT_FALSE(verified_channel_key(ticket, root->key(), verifier));
  const auto token = sign_token(some_token(), *root).value();
  EXPECT_FALSE(verified_ticket(token, root->key(), verifier));
  EXPECT_FALSE(verified_revocations(token, root->key(), verifier));
}

TEST_F(credentials, that_grant_nothing_or_never_hold_are_not_signed) {
  auto token = some_token();
  token.verbs = {};
  EXPECT_EQ(sign_token(token, *root).error().code, errc::invalid_argument);
  auto ticket = some_ticket();
  ticket.valid = {5, 5};
  EXPECT_EQ(sign_ticket(ticket, *root).error().code, errc::invalid_argument);
  ticket = some_ticket();
  ticket.name = "../x";
  EXPECT_EQ(sign_ticket(ticket, *root).error().code, errc::invalid_argument);
}

TEST_F(credentials, that_are_signed_and_cut_short_are_corrupt) {
  const auto whole = sign_revocations(some_revocations(), *root).value().body;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const byte_vector body(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const signed_statement made{body, sign_statement(statement_kind::revocations, body, *root).value()};
    EXPECT_EQ(verified_revocations(made, root->key(), verifier).error().code, errc::corrupt) << size;
  }
}

TEST_F(credentials, name_verbs) {
  EXPECT_EQ(to_string(verb_set{verb::build, verb::query}), "query,build");
  EXPECT_EQ(parse_verbs("operate,query").value(), (verb_set{verb::query, verb::operate}));
  EXPECT_EQ(parse_verbs("").error().code, errc::invalid_argument);
  EXPECT_EQ(parse_verbs("query,").value(), verb_set{verb::query});
  EXPECT_EQ(parse_verbs("all").error().code, errc::invalid_argument);
  EXPECT_EQ(role_from_string("watch"), role::watch);
  EXPECT_FALSE(role_from_string("king"));
}

TEST_F(credentials, tokens_are_text) {
  const auto token = sign_token(some_token(), *root).value();
  const auto text = token_text(token);
  EXPECT_TRUE(text.starts_with("graphite1."));
  EXPECT_EQ(parse_token_text(text).value(), token);
  for (const auto& wrong : {std::string(), text.substr(1), text + "0", text + "00", text + " ",
                            text.substr(0, text.size() - 2), "graphite1." + std::string(100'000, 'a')})
    EXPECT_EQ(parse_token_text(wrong).error().code, errc::invalid_argument);
}

TEST_F(credentials, tickets_travel_with_their_key) {
  const ticket made{sign_channel_key({"game", other->key(), 7, valid}, *root).value(),
                    sign_ticket(some_ticket(), *other).value()};
  const auto bytes = encode_ticket(made);
  EXPECT_LE(bytes.size(), ticket_bytes_max);
  EXPECT_EQ(decode_ticket(bytes).value(), made);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(decode_ticket(byte_span(bytes).first(size))) << size;
}

}  // namespace
}  // namespace graphite
