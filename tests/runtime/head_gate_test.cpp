#include "runtime/head_gate.hpp"

#include <gtest/gtest.h>

#include "platform/crypto/ed25519.hpp"

namespace graphite {
namespace {

using signer_ptr = std::unique_ptr<ed25519_signer>;

/// Counts, so that a test sees what is verified anew.
class counting_verifier final : public signature_verifier {
 public:
  bool verifies(const public_key& by, byte_span message, const signature& what) const override {
    ++calls;
    return real_.verifies(by, message, what);
  }
  mutable int calls = 0;

 private:
  ed25519_verifier real_;
};

struct gate : testing::Test {
  static constexpr std::int64_t now = 1'760'000'000'000'000'000, year = 31'536'000'000'000'000;

  signer_ptr root = ed25519_signer::generate().value(), channel = ed25519_signer::generate().value();
  counting_verifier verifier;
  head_gate checks{{root->key()}, verifier};
  byte_vector head = byte_vector(256, std::byte{7});

  signed_statement key_for(std::string_view name, const message_signer& by, std::uint64_t serial = 1,
                           validity valid = {now - year, now + year}) const {
    return sign_channel_key({std::string(name), channel->key(), serial, valid}, by).value();
  }
  byte_vector block(const signed_statement& key) const { return signed_head(head, key, *channel).value(); }
  errc refusal(const byte_vector& with, std::int64_t at = now, std::string_view name = "game") {
    const auto good = checks.check_head(name, head, with, at);
    return good ? errc{} : good.error().code;
  }
  channel_state state() const {
    channel_state out;
    out.channel = "game";
    out.lineage.value.bytes[3] = 4;
    out.epoch = epoch_number{1'760'000'000};
    out.sequence = sequence_number{12};
    out.root.bytes[0] = 1;
    out.expires_unix_ns = now + 1;
    return out;
  }
};

TEST_F(gate, passes_what_a_key_of_the_root_signed) {
  const auto with = block(key_for("game", *root));
  EXPECT_LE(with.size(), head_signature_bytes_max);
  EXPECT_EQ(refusal(with), errc{});
  EXPECT_EQ(decode_signature_block(with).value(),
            (signature_block{key_for("game", *root), decode_signature_block(with)->by}));
}

TEST_F(gate, refuses_what_nobody_or_somebody_else_signed) {
  EXPECT_EQ(refusal({}), errc::permission_denied);
  EXPECT_EQ(refusal(block(key_for("game", *channel))), errc::permission_denied) << "its own root";
  EXPECT_EQ(refusal(block(key_for("other", *root))), errc::permission_denied) << "a key of another channel";
  EXPECT_EQ(refusal(block(key_for("game", *root)), now, "other"), errc::permission_denied);
  const auto thief = ed25519_signer::generate().value();
  EXPECT_EQ(refusal(signed_head(head, key_for("game", *root), *thief).value()), errc::permission_denied);
}

TEST_F(gate, refuses_another_head_and_any_changed_bit) {
  const auto with = block(key_for("game", *root));
  std::size_t passed = 0;
  for (std::size_t bit = 0; bit < 8 * with.size(); ++bit) {
    auto changed = with;
    changed[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    if (refusal(changed) == errc{}) ++passed;
  }
  EXPECT_EQ(passed, 0u);
  head[255] = std::byte{8};
  EXPECT_EQ(refusal(with), errc::permission_denied);
}

TEST_F(gate, refuses_keys_before_and_after_their_time_and_revoked_ones) {
  const auto with = block(key_for("game", *root, 5, {now, now + 10}));
  EXPECT_EQ(refusal(with, now - 1), errc::permission_denied);
  EXPECT_EQ(refusal(with, now), errc{});
  EXPECT_EQ(refusal(with, now + 9), errc{});
  EXPECT_EQ(refusal(with, now + 10), errc::permission_denied);
  EXPECT_TRUE(checks.learn({{}, encode_signed(sign_revocations({1, {5, 9}, {}}, *root).value())}, now));
  EXPECT_EQ(refusal(with, now), errc::permission_denied);
  EXPECT_EQ(refusal(block(key_for("game", *root, 6)), now), errc{});
}

TEST_F(gate, takes_the_old_root_and_the_new_one_while_both_are_pinned) {
  const auto next = ed25519_signer::generate().value();
  head_gate both({root->key(), next->key()}, verifier), later({next->key()}, verifier);
  for (const auto* by : {root.get(), next.get()})
    EXPECT_TRUE(both.check_head("game", head, block(key_for("game", *by)), now));
  EXPECT_FALSE(later.check_head("game", head, block(key_for("game", *root)), now));
  EXPECT_TRUE(later.check_head("game", head, block(key_for("game", *next)), now));
}

TEST_F(gate, believes_a_pinned_root_until_its_end_while_it_runs) {
  const auto next = ed25519_signer::generate().value();
  head_gate both({next->key(), {root->key(), now + 10}}, verifier);
  const auto by_old = block(key_for("game", *root)), by_next = block(key_for("game", *next));
  EXPECT_TRUE(both.check_head("game", head, by_old, now + 9));
  EXPECT_FALSE(both.check_head("game", head, by_old, now + 10)) << "also what was verified just before";
  EXPECT_TRUE(both.check_head("game", head, by_next, now + 10));
  head_gate alone({{root->key(), now + 10}}, verifier);
  const auto refused = alone.check_head("game", head, by_old, now + 10);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().context.find("get the new root.pub"), std::string::npos);
}

TEST_F(gate, believes_who_follows_a_root_as_long_as_that_root) {
  const auto second = ed25519_signer::generate().value(), third = ed25519_signer::generate().value(),
             another = ed25519_signer::generate().value();
  head_gate until({another->key(), {root->key(), now + 10}}, verifier);
  const trust_news news{
      {encode_signed(sign_root_succession({second->key(), {now, now + year}}, *root).value()),
       encode_signed(sign_root_succession({third->key(), {now, now + year}}, *second).value())},
      {}};
  EXPECT_TRUE(until.learn(news, now));
  for (const auto* by : {second.get(), third.get()}) {
    EXPECT_TRUE(until.check_head("game", head, block(key_for("game", *by)), now + 9));
    EXPECT_FALSE(until.check_head("game", head, block(key_for("game", *by)), now + 10));
  }
}

TEST_F(gate, verifies_a_key_once_for_many_heads) {
  const auto with = block(key_for("game", *root));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(refusal(with), errc{});
  EXPECT_EQ(verifier.calls, 11);
}

TEST_F(gate, passes_states_only_as_they_were_signed) {
  const auto key = key_for("game", *root);
  auto good = state();
  publisher_place place{{}, "chunks.example", 7403};
  place.publisher.value.bytes[1] = 5;
  good.signature = signed_state(good, place, key, *channel).value();
  EXPECT_TRUE(checks.check_state(good, place, now));
  const auto refused = [&](auto change) {
    auto other = good;
    change(other);
    return !checks.check_state(other, place, now);
  };
  const auto refused_at = [&](auto change) {
    auto other = place;
    change(other);
    return !checks.check_state(good, other, now);
  };
  EXPECT_TRUE(refused_at([](auto& p) { ++p.publisher.value.bytes[15]; }));
  EXPECT_TRUE(refused_at([](auto& p) { p.chunk_host = "else.example"; }));
  EXPECT_TRUE(refused_at([](auto& p) { p.chunk_host.clear(); }));
  EXPECT_TRUE(refused_at([](auto& p) { ++p.chunk_port; }));
  EXPECT_TRUE(refused([](auto& s) { s.channel = "gamf"; }));
  EXPECT_TRUE(refused([](auto& s) { ++s.lineage.value.bytes[0]; }));
  EXPECT_TRUE(refused([](auto& s) { ++s.epoch.value; }));
  EXPECT_TRUE(refused([](auto& s) { ++s.sequence.value; }));
  EXPECT_TRUE(refused([](auto& s) { s.root.bytes[31] = 1; }));
  EXPECT_TRUE(refused([](auto& s) { ++s.expires_unix_ns; })) << "a heartbeat that lives longer";
  EXPECT_TRUE(refused([](auto& s) { s.signature.clear(); }));
  // A head's signature is none of a state, whatever its bytes are.
  EXPECT_TRUE(refused([&](auto& s) { s.signature = block(key); }));
}

TEST_F(gate, ignores_what_no_root_signed) {
  const auto stranger = ed25519_signer::generate().value();
  const succession_statement steps{"game", {}, lineage_id{uuid{{1}}}, epoch_number{1}};
  const trust_news news{
      {encode_signed(sign_succession(steps, *stranger).value()),
       encode_signed(sign_root_succession({channel->key(), {now - 1, now + year}}, *stranger).value()),
       byte_vector(20, std::byte{1})},
      encode_signed(sign_revocations({7, {1}, {}}, *stranger).value())};
  EXPECT_FALSE(checks.learn(news, now));
  EXPECT_FALSE(checks.follows("game", {}, lineage_id{uuid{{1}}}, epoch_number{2}));
  EXPECT_EQ(refusal(block(key_for("game", *root, 1))), errc{});
  EXPECT_TRUE(checks.known() == trust_news{});
}

TEST_F(gate, takes_no_older_list_of_revoked_keys) {
  const auto list = [&](std::uint64_t number, std::set<std::uint64_t> serials) {
    return trust_news{{}, encode_signed(sign_revocations({number, std::move(serials), {}}, *root).value())};
  };
  EXPECT_TRUE(checks.learn(list(2, {1}), now));
  EXPECT_FALSE(checks.learn(list(2, {1}), now)) << "nothing new";
  EXPECT_FALSE(checks.learn(list(1, {}), now));
  EXPECT_EQ(refusal(block(key_for("game", *root, 1))), errc::permission_denied);
}

/// News of any size, told again and again.
TEST_F(gate, remembers_a_bounded_number_of_successions) {
  for (std::uint8_t i = 0; i < 200; ++i) {
    const succession_statement steps{"game", lineage_id{uuid{{i}}}, lineage_id{uuid{{0, i, 1}}},
                                     epoch_number{1}};
    EXPECT_TRUE(checks.learn({{encode_signed(sign_succession(steps, *root).value())}, {}}, now));
  }
  EXPECT_EQ(checks.known().vouchers.size(), head_gate::news_max);
}

TEST_F(gate, lets_no_lineage_begin_before_its_epoch) {
  const succession_statement steps{"game", {}, lineage_id{uuid{{1}}}, epoch_number{10}};
  EXPECT_TRUE(checks.learn({{encode_signed(sign_succession(steps, *root).value())}, {}}, now));
  EXPECT_FALSE(checks.follows("game", {}, lineage_id{uuid{{1}}}, epoch_number{9}));
  EXPECT_TRUE(checks.follows("game", {}, lineage_id{uuid{{1}}}, epoch_number{10}));
  EXPECT_FALSE(checks.follows("ui", {}, lineage_id{uuid{{1}}}, epoch_number{10}));
}

}  // namespace
}  // namespace graphite
