#include "core/statements.hpp"

#include <gtest/gtest.h>

#include "platform/crypto/ed25519.hpp"

namespace graphite {
namespace {

struct statements : testing::Test {
  std::unique_ptr<ed25519_signer> root = ed25519_signer::generate().value();
  std::unique_ptr<ed25519_signer> other = ed25519_signer::generate().value();
  ed25519_verifier verifier;

  channel_key_statement some_key() const {
    return {"game", other->key(), 7, {1'700'000'000'000'000'000, 1'800'000'000'000'000'000}};
  }
  succession_statement some_succession() const {
    succession_statement out{"game", {}, {}, epoch_number{1'750'000'000}};
    out.before.value.bytes[0] = 1;
    out.after.value.bytes[15] = 2;
    return out;
  }
};

TEST_F(statements, say_what_was_signed) {
  const auto key = sign_channel_key(some_key(), *root).value();
  EXPECT_EQ(verified_channel_key(key, root->key(), verifier).value(), some_key());
  const auto next = sign_succession(some_succession(), *root).value();
  EXPECT_EQ(verified_succession(next, root->key(), verifier).value(), some_succession());
  EXPECT_LE(key.body.size(), signed_statement::body_bytes_max);
}

TEST_F(statements, of_another_root_are_refused) {
  const auto key = sign_channel_key(some_key(), *other).value();
  EXPECT_EQ(verified_channel_key(key, root->key(), verifier).error().code, errc::permission_denied);
  const auto next = sign_succession(some_succession(), *other).value();
  EXPECT_EQ(verified_succession(next, root->key(), verifier).error().code, errc::permission_denied);
}

TEST_F(statements, are_refused_with_any_bit_changed) {
  const auto key = encode_signed(sign_channel_key(some_key(), *root).value());
  std::size_t verified = 0;
  for (std::size_t bit = 0; bit < 8 * key.size(); ++bit) {
    auto changed = key;
    changed[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    const auto read = decode_signed(changed);
    if (read && verified_channel_key(*read, root->key(), verifier)) ++verified;
  }
  EXPECT_EQ(verified, 0u);
}

TEST_F(statements, of_one_kind_are_none_of_another) {
  const auto next = sign_succession(some_succession(), *root).value();
  EXPECT_EQ(verified_channel_key(next, root->key(), verifier).error().code, errc::permission_denied);
  for (const auto kind : {statement_kind::channel_key, statement_kind::head, statement_kind::state})
    EXPECT_FALSE(statement_verifies(kind, next.body, next.by, root->key(), verifier));
  EXPECT_TRUE(statement_verifies(statement_kind::succession, next.body, next.by, root->key(), verifier));
}

/// The root itself signs, so that only reading can refuse.
TEST_F(statements, that_are_signed_and_not_whole_are_corrupt) {
  const auto body = sign_channel_key(some_key(), *root).value().body;
  const auto code_of = [&](const byte_vector& bytes) {
    const signed_statement made{bytes, sign_statement(statement_kind::channel_key, bytes, *root).value()};
    const auto read = verified_channel_key(made, root->key(), verifier);
    return read ? errc{} : read.error().code;
  };
  EXPECT_EQ(code_of(body), errc{});
  for (std::size_t size = 0; size < body.size(); ++size)
    EXPECT_EQ(code_of({body.begin(), body.begin() + static_cast<std::ptrdiff_t>(size)}), errc::corrupt)
        << size;
  auto longer = body;
  longer.push_back(std::byte{0});
  EXPECT_EQ(code_of(longer), errc::corrupt);
  auto newer = body;
  newer[0] = std::byte{2};
  EXPECT_EQ(code_of(newer), errc::corrupt);
  auto elsewhere = body;
  elsewhere[2] = std::byte{'/'};
  EXPECT_EQ(code_of(elsewhere), errc::corrupt) << "a channel's name that leaves its folder";
}

TEST_F(statements, that_mean_nothing_are_not_signed) {
  auto key = some_key();
  key.channel = "../game";
  EXPECT_EQ(sign_channel_key(key, *root).error().code, errc::invalid_argument);
  key = some_key();
  key.valid.until_unix_ns = key.valid.from_unix_ns;
  EXPECT_EQ(sign_channel_key(key, *root).error().code, errc::invalid_argument);
  auto next = some_succession();
  next.after = next.before;
  EXPECT_EQ(sign_succession(next, *root).error().code, errc::invalid_argument);
}

TEST_F(statements, hold_from_their_begin_until_before_their_end) {
  constexpr validity some{10, 20};
  EXPECT_FALSE(some.holds(9));
  EXPECT_TRUE(some.holds(10));
  EXPECT_TRUE(some.holds(19));
  EXPECT_FALSE(some.holds(20));
}

}  // namespace
}  // namespace graphite
