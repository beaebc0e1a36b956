#include "core/hello.hpp"

#include <gtest/gtest.h>

#include "platform/crypto/ed25519.hpp"
#include "tests/support/seeded_random.hpp"

namespace graphite {
namespace {

constexpr validity valid{1'000, 2'000};
constexpr std::int64_t in_time = 1'500;

incarnation_id incarnation_of(std::uint8_t n) {
  incarnation_id out;
  out.value.bytes.fill(n);
  return out;
}

class hello : public testing::Test {
 protected:
  std::shared_ptr<ed25519_signer> new_key() { return ed25519_signer::generate().value(); }

  hello_identity identity(role what, const std::string& name, std::uint64_t serial, validity when = valid) {
    return identity_of({what, name, {}, serial, when}, new_key());
  }
  hello_identity identity_of(role_key_statement said, std::shared_ptr<const message_signer> key,
                             const message_signer* root = nullptr) {
    said.key = key->key();
    const auto statement = sign_role_key(said, root == nullptr ? *root_ : *root).value();
    role_trust all{{root_->key(), other_root_->key()}, {}};
    return hello_identity::make(statement, key, incarnation_of(static_cast<std::uint8_t>(said.serial)), all,
                                verifier_, said.valid.from_unix_ns)
        .value();
  }
  hello_listener::options nodes_only() { return {.wanted = {role::node}, .binding = {}}; }
  hello_listener listener(hello_listener::options how) { return {coordinator_, std::move(how), verifier_}; }
  hello_dialler dialler(const hello_identity& self) { return {self, {}, verifier_, at_.now}; }

  byte_vector asked(hello_listener& by, unsigned link) {
    return by.challenge(hello_link{link}, random_, at_).value();
  }
  byte_vector answered(hello_dialler& by, byte_span challenge) {
    auto out = by.answer(challenge, random_, trust_, at_);
    EXPECT_TRUE(out) << out.error().context;
    return out.value_or(byte_vector());
  }
  /// What the listener says of `bytes`; `busy` when it admits who sent them.
  errc refused(hello_listener& by, unsigned link, byte_span bytes) {
    const auto got = by.answer(hello_link{link}, bytes, trust_, at_);
    if (got) return errc::busy;
    text_ = got.error().context;
    return got.error().code;
  }
  template <class Result>
  errc code_of(const Result& got) {
    if (got) return errc::busy;
    text_ = got.error().context;
    return got.error().code;
  }

  std::shared_ptr<ed25519_signer> root_ = new_key(), other_root_ = new_key();
  ed25519_verifier verifier_;
  test::seeded_random random_{7};
  role_trust trust_{{root_->key()}, {}};
  hello_time at_{time_from_ns(seconds(100).count() * 1'000'000'000), in_time};
  hello_identity coordinator_ = identity(role::coordinator, "main", 1),
                 node_ = identity(role::node, "node-1", 2);
  hello_listener here_ = listener(nodes_only());
  std::string text_;
};

TEST_F(hello, tells_each_side_who_the_other_is) {
  auto there = dialler(node_);
  const auto answer = answered(there, asked(here_, 1));
  const auto admitted = here_.answer(hello_link{1}, answer, trust_, at_);
  ASSERT_TRUE(admitted) << admitted.error().context;
  EXPECT_EQ(admitted->peer, (proven_peer{node_.said(), incarnation_of(2)}));
  const auto proven = there.finish(admitted->proof, trust_, at_);
  ASSERT_TRUE(proven) << proven.error().context;
  EXPECT_EQ(*proven, (proven_peer{coordinator_.said(), incarnation_of(1)}));
  EXPECT_EQ(here_.pending(), 0U);
}

TEST_F(hello, refuses_a_role_that_is_not_wanted) {
  auto there = dialler(identity(role::relay, "relay-1", 3));
  EXPECT_EQ(refused(here_, 1, answered(there, asked(here_, 1))), errc::permission_denied);
  EXPECT_NE(text_.find("relay 'relay-1' (key serial 3) may not dial"), std::string::npos) << text_;
}

TEST_F(hello, signs_nothing_for_a_listener_of_another_role_or_name) {
  hello_listener impostor(identity(role::node, "node-9", 9), {.wanted = {role::node}, .binding = {}},
                          verifier_);
  auto there = dialler(node_);
  EXPECT_EQ(code_of(there.answer(asked(impostor, 1), random_, trust_, at_)), errc::permission_denied);
  hello_dialler particular(node_, {.name = "other", .binding = {}}, verifier_, at_.now);
  EXPECT_EQ(code_of(particular.answer(asked(here_, 1), random_, trust_, at_)), errc::permission_denied);
}

TEST_F(hello, refuses_a_revoked_key_even_if_it_was_revoked_in_between) {
  auto there = dialler(node_);
  const auto answer = answered(there, asked(here_, 1));
  trust_.revoked = {2};
  EXPECT_EQ(refused(here_, 1, answer), errc::permission_denied);
  EXPECT_NE(text_.find("revoked"), std::string::npos) << text_;

  trust_.revoked = {1};
  auto again = dialler(node_);
  EXPECT_EQ(code_of(again.answer(asked(here_, 2), random_, trust_, at_)), errc::permission_denied);

  trust_.revoked = {};
  auto third = dialler(node_);
  const auto admitted = here_.answer(hello_link{3}, answered(third, asked(here_, 3)), trust_, at_).value();
  trust_.revoked = {1};
  EXPECT_EQ(code_of(third.finish(admitted.proof, trust_, at_)), errc::permission_denied);
}

TEST_F(hello, refuses_keys_that_have_expired_or_not_begun) {
  auto there = dialler(identity(role::node, "old", 4, {1'000, 1'500}));
  EXPECT_EQ(refused(here_, 1, answered(there, asked(here_, 1))), errc::permission_denied);
  EXPECT_NE(text_.find("expired"), std::string::npos) << text_;
  auto early = dialler(identity(role::node, "early", 5, {1'501, 2'000}));
  EXPECT_EQ(refused(here_, 2, answered(early, asked(here_, 2))), errc::permission_denied);
  EXPECT_NE(text_.find("not valid yet"), std::string::npos) << text_;
  hello_listener old(identity(role::coordinator, "old", 6, {1'000, 1'500}), nodes_only(), verifier_);
  auto third = dialler(node_);
  EXPECT_EQ(code_of(third.answer(asked(old, 3), random_, trust_, at_)), errc::permission_denied);
}

TEST_F(hello, refuses_an_answer_that_is_sent_again) {
  auto there = dialler(node_);
  const auto answer = answered(there, asked(here_, 1));
  EXPECT_TRUE(here_.answer(hello_link{1}, answer, trust_, at_));
  EXPECT_EQ(refused(here_, 1, answer), errc::not_found);
  (void)asked(here_, 2);
  EXPECT_EQ(refused(here_, 2, answer), errc::permission_denied);
  EXPECT_NE(text_.find("another challenge"), std::string::npos) << text_;
}

TEST_F(hello, gives_a_challenge_one_answer_right_or_wrong) {
  auto there = dialler(node_);
  const auto answer = answered(there, asked(here_, 1));
  EXPECT_EQ(refused(here_, 1, as_bytes(std::string_view("\1guess"))), errc::corrupt);
  EXPECT_EQ(refused(here_, 1, answer), errc::not_found);
}

TEST_F(hello, refuses_its_own_challenge_and_its_own_words) {
  // The coordinator dials somebody, who opens a connection to it and hands its own challenge back.
  auto self = dialler(coordinator_);
  EXPECT_EQ(code_of(self.answer(asked(here_, 1), random_, trust_, at_)), errc::permission_denied);
  EXPECT_NE(text_.find("own key"), std::string::npos) << text_;
  // What a dialler signed is no listener's proof.
  auto there = dialler(node_);
  const auto answer = decode_hello_answer(answered(there, asked(here_, 2))).value();
  EXPECT_EQ(code_of(there.finish(encode(hello_proof{answer.nonce, answer.proof}), trust_, at_)),
            errc::permission_denied);
}

TEST_F(hello, refuses_who_has_the_listeners_own_key) {
  auto how = nodes_only();
  how.wanted = {role::coordinator};
  auto by = listener(how);
  const auto challenge = decode_hello_challenge(asked(by, 1)).value();
  hello_answer answer{challenge.nonce, {}, incarnation_of(77), coordinator_.statement(), {}};
  answer.proof =
      sign_statement(statement_kind::hello, hello_transcript(hello_side::dialler, "", challenge, answer),
                     coordinator_.signer())
          .value();
  EXPECT_EQ(refused(by, 1, encode(answer)), errc::permission_denied);
  EXPECT_NE(text_.find("own key"), std::string::npos) << text_;
}

TEST_F(hello, refuses_an_answer_that_was_meant_for_another_listener) {
  hello_listener second(identity(role::coordinator, "two", 8), nodes_only(), verifier_);
  auto there = dialler(node_);
  auto answer = decode_hello_answer(answered(there, asked(here_, 1))).value();
  const auto second_asks = decode_hello_challenge(asked(second, 1)).value();
  EXPECT_EQ(refused(second, 1, encode(answer)), errc::permission_denied);
  answer.to = decode_hello_challenge(asked(second, 2))->nonce;
  EXPECT_EQ(refused(second, 2, encode(answer)), errc::permission_denied);
  EXPECT_NE(text_.find("not proved"), std::string::npos) << text_;
}

TEST_F(hello, refuses_an_answer_that_a_listener_of_the_cluster_passes_on) {
  // It has a good key of its own, and asks with the nonce that it was asked with.
  const auto evil = identity(role::coordinator, "evil", 8);
  for (const bool own_incarnation : {true, false}) {
    const auto asked_it = decode_hello_challenge(asked(here_, 1)).value();
    auto there = dialler(node_);
    const hello_challenge passed{asked_it.nonce, own_incarnation ? evil.incarnation() : asked_it.incarnation,
                                 evil.statement()};
    EXPECT_EQ(refused(here_, 1, answered(there, encode(passed))), errc::permission_denied);
  }
}

TEST_F(hello, refuses_an_answer_to_a_former_start_of_the_same_listener) {
  auto key = new_key();
  const role_key_statement said{role::coordinator, "main", key->key(), 1, valid};
  const auto statement = sign_role_key(said, *root_).value();
  const auto start = [&](std::uint8_t n) {
    auto self = hello_identity::make(statement, key, incarnation_of(n), trust_, verifier_, in_time).value();
    return hello_listener(std::move(self), nodes_only(), verifier_);
  };
  auto before = start(50), after = start(51);
  test::seeded_random same(3), again(3);  // even one that draws the same numbers
  auto there = dialler(node_);
  const auto answer = answered(there, before.challenge(hello_link{1}, same, at_).value());
  (void)after.challenge(hello_link{1}, again, at_).value();
  EXPECT_EQ(refused(after, 1, answer), errc::permission_denied);
  EXPECT_EQ(refused(before, 1, answer), errc::busy);
}

TEST_F(hello, refuses_keys_of_another_root) {
  const auto key = new_key();
  auto there = dialler(identity_of({role::node, "node-1", {}, 2, valid}, key, other_root_.get()));
  EXPECT_EQ(refused(here_, 1, answered(there, asked(here_, 1))), errc::permission_denied);
  EXPECT_NE(text_.find("no pinned root"), std::string::npos) << text_;
  trust_.roots.push_back(other_root_->key());  // both count while the root is changed
  auto again = dialler(identity_of({role::node, "node-1", {}, 2, valid}, key, other_root_.get()));
  EXPECT_EQ(refused(here_, 2, answered(again, asked(here_, 2))), errc::busy);
  trust_.roots = {other_root_->key()};
  auto third = dialler(node_);
  EXPECT_EQ(code_of(third.answer(asked(here_, 3), random_, trust_, at_)), errc::permission_denied);
  trust_.roots.clear();
  auto fourth = dialler(node_);
  EXPECT_EQ(code_of(fourth.answer(asked(here_, 4), random_, trust_, at_)), errc::invalid_argument);
}

TEST_F(hello, refuses_what_comes_too_late) {
  auto there = dialler(node_);
  const auto answer = answered(there, asked(here_, 1));
  at_.now += seconds(10);
  EXPECT_EQ(refused(here_, 1, answer), errc::timed_out);
  EXPECT_EQ(code_of(there.finish(byte_vector(), trust_, at_)), errc::timed_out);
}

TEST_F(hello, gives_up_those_that_do_not_answer) {
  (void)asked(here_, 1);
  at_.now += seconds(1);
  (void)asked(here_, 2);
  const auto first = here_.next_lapse();
  EXPECT_EQ(first, at_.now + seconds(9));
  EXPECT_TRUE(here_.lapse(*first - duration(1)).empty());
  EXPECT_EQ(here_.lapse(*first), std::vector{hello_link{1}});
  EXPECT_TRUE(here_.lapse(*first).empty());
  EXPECT_EQ(here_.lapse(*first + seconds(1)), std::vector{hello_link{2}});
  EXPECT_FALSE(here_.next_lapse());
}

TEST_F(hello, asks_no_more_than_its_limit) {
  auto how = nodes_only();
  how.pending_max = 2;
  auto small = listener(how);
  (void)asked(small, 1);
  EXPECT_EQ(code_of(small.challenge(hello_link{1}, random_, at_)), errc::already_exists);
  (void)asked(small, 2);
  EXPECT_EQ(code_of(small.challenge(hello_link{3}, random_, at_)), errc::busy);
  small.forget(hello_link{1});
  EXPECT_TRUE(small.challenge(hello_link{3}, random_, at_));
  EXPECT_EQ(small.pending(), 2U);
}

TEST_F(hello, keeps_two_that_are_interleaved_apart) {
  auto first = dialler(node_), second = dialler(identity(role::node, "node-2", 3));
  const auto to_first = asked(here_, 1), to_second = asked(here_, 2);
  const auto of_first = answered(first, to_first), of_second = answered(second, to_second);
  const auto admitted_second = here_.answer(hello_link{2}, of_second, trust_, at_).value();
  const auto admitted_first = here_.answer(hello_link{1}, of_first, trust_, at_).value();
  EXPECT_EQ(admitted_first.peer.said.name, "node-1");
  EXPECT_EQ(admitted_second.peer.said.name, "node-2");
  EXPECT_EQ(code_of(first.finish(admitted_second.proof, trust_, at_)), errc::permission_denied);
  EXPECT_TRUE(second.finish(admitted_second.proof, trust_, at_));
}

TEST_F(hello, refuses_an_answer_on_another_connection_than_it_was_asked_on) {
  auto first = dialler(node_), second = dialler(identity(role::node, "node-2", 3));
  const auto of_first = answered(first, asked(here_, 1)), of_second = answered(second, asked(here_, 2));
  EXPECT_EQ(refused(here_, 1, of_second), errc::permission_denied);
  EXPECT_EQ(refused(here_, 2, of_first), errc::permission_denied);
}

TEST_F(hello, is_not_repeated_by_who_has_heard_one) {
  auto there = dialler(node_);
  const auto challenge = asked(here_, 1);
  const auto answer = answered(there, challenge);
  const auto proof = here_.answer(hello_link{1}, answer, trust_, at_).value().proof;
  // As the node to the coordinator: with its words, and with them made to fit.
  (void)asked(here_, 2);
  EXPECT_EQ(refused(here_, 2, answer), errc::permission_denied);
  auto fitted = decode_hello_answer(answer).value();
  fitted.to = decode_hello_challenge(asked(here_, 3))->nonce;
  EXPECT_EQ(refused(here_, 3, encode(fitted)), errc::permission_denied);
  // As the coordinator to the node.
  auto again = dialler(node_);
  const auto fresh = decode_hello_answer(answered(again, challenge)).value();
  EXPECT_EQ(code_of(again.finish(proof, trust_, at_)), errc::permission_denied);
  auto third = dialler(node_);
  const auto to = decode_hello_answer(answered(third, challenge))->nonce;
  EXPECT_EQ(code_of(third.finish(encode(hello_proof{to, decode_hello_proof(proof)->proof}), trust_, at_)),
            errc::permission_denied);
  EXPECT_NE(fresh.nonce, to);
}

TEST_F(hello, refuses_a_statement_without_its_key) {
  const auto thief = new_key();
  auto there = dialler(node_);
  const auto challenge = asked(here_, 1);
  auto answer = decode_hello_answer(answered(there, challenge)).value();
  answer.proof = sign_statement(statement_kind::hello,
                                hello_transcript(hello_side::dialler, "",
                                                 decode_hello_challenge(challenge).value(), answer),
                                *thief)
                     .value();
  EXPECT_EQ(refused(here_, 1, encode(answer)), errc::permission_denied);
  EXPECT_EQ(text_, "node 'node-1' (key serial 2) has not proved that it has its key");
}

TEST_F(hello, refuses_a_statement_of_another_kind) {
  auto there = dialler(node_);
  auto answer = decode_hello_answer(answered(there, asked(here_, 1))).value();
  answer.key = sign_token({"main", "ci", {verb::build}, 9, valid}, *root_).value();
  EXPECT_EQ(refused(here_, 1, encode(answer)), errc::permission_denied);
}

TEST_F(hello, is_bound_to_its_connection_where_that_has_a_name) {
  auto how = nodes_only();
  how.binding = "exporter 1";
  auto bound = listener(how);
  hello_dialler other(node_, {.name = {}, .binding = "exporter 2"}, verifier_, at_.now);
  EXPECT_EQ(refused(bound, 1, answered(other, asked(bound, 1))), errc::permission_denied);
  hello_dialler same(node_, {.name = {}, .binding = "exporter 1"}, verifier_, at_.now);
  EXPECT_EQ(refused(bound, 2, answered(same, asked(bound, 2))), errc::busy);
}

TEST_F(hello, covers_every_byte) {
  const auto flipped = [](byte_vector bytes, std::size_t at) {
    bytes[at] ^= std::byte{1};
    return bytes;
  };
  auto sizes = dialler(node_);
  const auto challenge_size = asked(here_, 1).size();
  const auto answer = answered(sizes, asked(here_, 2));
  const auto proof_size = here_.answer(hello_link{2}, answer, trust_, at_).value().proof.size();
  for (std::size_t i = 0; i < challenge_size; ++i) {
    auto there = dialler(node_);
    const auto got = there.answer(flipped(asked(here_, 3), i), random_, trust_, at_);
    if (got) {
      EXPECT_NE(refused(here_, 3, *got), errc::busy) << i;
    }
    here_.forget(hello_link{3});
  }
  for (std::size_t i = 0; i < answer.size(); ++i) {
    auto there = dialler(node_);
    EXPECT_NE(refused(here_, 3, flipped(answered(there, asked(here_, 3)), i)), errc::busy) << i;
  }
  for (std::size_t i = 0; i < proof_size; ++i) {
    auto there = dialler(node_);
    const auto admitted = here_.answer(hello_link{3}, answered(there, asked(here_, 3)), trust_, at_).value();
    EXPECT_FALSE(there.finish(flipped(admitted.proof, i), trust_, at_)) << i;
  }
}

TEST_F(hello, has_an_order) {
  auto there = dialler(node_);
  EXPECT_EQ(code_of(there.finish(byte_vector(), trust_, at_)), errc::invalid_argument);
  EXPECT_EQ(code_of(there.answer(asked(here_, 1), random_, trust_, at_)), errc::invalid_argument);
  auto twice = dialler(node_);
  (void)answered(twice, asked(here_, 2));
  EXPECT_EQ(code_of(twice.answer(asked(here_, 3), random_, trust_, at_)), errc::invalid_argument);
}

TEST_F(hello, goes_on_when_the_listener_gets_another_key) {
  auto before = dialler(node_), after = dialler(node_);
  const auto asked_before = asked(here_, 1);
  here_.renew(identity(role::coordinator, "main", 11));
  const auto asked_after = asked(here_, 2);
  const auto first = here_.answer(hello_link{1}, answered(before, asked_before), trust_, at_).value();
  const auto second = here_.answer(hello_link{2}, answered(after, asked_after), trust_, at_).value();
  EXPECT_EQ(before.finish(first.proof, trust_, at_)->said.serial, 1U);
  EXPECT_EQ(after.finish(second.proof, trust_, at_)->said.serial, 11U);
}

TEST_F(hello, is_not_begun_with_a_key_that_would_be_refused) {
  const auto key = new_key();
  const auto make = [&](const role_key_statement& said, std::int64_t unix_ns) {
    return hello_identity::make(sign_role_key(said, *root_).value(), key, incarnation_of(1), trust_,
                                verifier_, unix_ns);
  };
  const role_key_statement mine{role::node, "n", key->key(), 21, valid};
  auto others = mine;
  others.key = root_->key();
  EXPECT_TRUE(make(mine, in_time));
  EXPECT_EQ(code_of(make(others, in_time)), errc::invalid_argument);
  EXPECT_EQ(code_of(make(mine, 2'000)), errc::permission_denied);
  trust_.revoked = {21};
  EXPECT_EQ(code_of(make(mine, in_time)), errc::permission_denied);
}

}  // namespace
}  // namespace graphite
