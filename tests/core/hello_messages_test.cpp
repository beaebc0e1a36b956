#include "core/hello_messages.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

hello_nonce nonce_of(unsigned n) {
  hello_nonce out;
  out.bytes.fill(static_cast<std::byte>(n));
  return out;
}

signed_statement statement_of(std::size_t bytes) {
  signed_statement out;
  out.body.assign(bytes, std::byte{0x5a});
  out.by.bytes.fill(std::byte{0x5b});
  return out;
}

hello_challenge some_challenge(std::size_t statement_bytes = 100) {
  hello_challenge out{nonce_of(1), {}, statement_of(statement_bytes)};
  out.incarnation.value.bytes.fill(2);
  return out;
}

hello_answer some_answer(std::size_t statement_bytes = 100) {
  hello_answer out{nonce_of(1), nonce_of(3), {}, statement_of(statement_bytes), {}};
  out.incarnation.value.bytes.fill(4);
  out.proof.bytes.fill(std::byte{5});
  return out;
}

hello_proof some_proof() {
  hello_proof out{nonce_of(3), {}};
  out.proof.bytes.fill(std::byte{6});
  return out;
}

/// Which of the three decoders take it.
int takers(byte_span bytes) {
  return int{decode_hello_challenge(bytes).has_value()} + int{decode_hello_answer(bytes).has_value()} +
         int{decode_hello_proof(bytes).has_value()};
}

TEST(hello_messages, read_as_they_were_written) {
  EXPECT_EQ(decode_hello_challenge(encode(some_challenge())).value(), some_challenge());
  EXPECT_EQ(decode_hello_answer(encode(some_answer())).value(), some_answer());
  EXPECT_EQ(decode_hello_proof(encode(some_proof())).value(), some_proof());
}

TEST(hello_messages, fit_with_the_longest_statement) {
  constexpr auto most = signed_statement::body_bytes_max;
  EXPECT_TRUE(decode_hello_challenge(encode(some_challenge(most))));
  EXPECT_TRUE(decode_hello_answer(encode(some_answer(most))));
}

TEST(hello_messages, of_one_kind_are_none_of_another) {
  for (const auto& bytes : {encode(some_challenge()), encode(some_answer()), encode(some_proof())})
    EXPECT_EQ(takers(bytes), 1);
}

TEST(hello_messages, that_are_cut_off_or_go_on_are_refused) {
  for (const auto& whole : {encode(some_challenge()), encode(some_answer()), encode(some_proof())}) {
    for (std::size_t size = 0; size < whole.size(); ++size)
      EXPECT_EQ(takers(byte_span(whole).first(size)), 0) << size;
    auto longer = whole;
    longer.push_back(std::byte{0});
    EXPECT_EQ(takers(longer), 0);
  }
}

TEST(hello_messages, of_another_size_or_version_say_so) {
  EXPECT_EQ(decode_hello_answer(byte_vector(hello_bytes_max + 1)).error().code, errc::too_large);
  EXPECT_EQ(decode_hello_answer(byte_vector(hello_bytes_max)).error().code, errc::corrupt);
  auto newer = encode(some_proof());
  newer[0] = std::byte{2};
  EXPECT_EQ(decode_hello_proof(newer).error().code, errc::newer_version);
  newer[0] = std::byte{0};
  EXPECT_EQ(decode_hello_proof(newer).error().code, errc::corrupt);
}

TEST(hello_messages, transcripts_cover_the_side_the_binding_and_all_but_the_proof) {
  const auto base = hello_transcript(hello_side::dialler, "b", some_challenge(), some_answer());
  EXPECT_NE(base, hello_transcript(hello_side::listener, "b", some_challenge(), some_answer()));
  EXPECT_NE(base, hello_transcript(hello_side::dialler, "c", some_challenge(), some_answer()));
  const auto with = [&](auto change) {
    auto challenge = some_challenge();
    auto answer = some_answer();
    change(challenge, answer);
    return hello_transcript(hello_side::dialler, "b", challenge, answer);
  };
  EXPECT_NE(base, with([](auto& challenge, auto&) { challenge.nonce = nonce_of(9); }));
  EXPECT_NE(base, with([](auto& challenge, auto&) { challenge.incarnation.value.bytes[0] = 9; }));
  EXPECT_NE(base, with([](auto& challenge, auto&) { challenge.key = statement_of(101); }));
  EXPECT_NE(base, with([](auto&, auto& answer) { answer.to = nonce_of(9); }));
  EXPECT_NE(base, with([](auto&, auto& answer) { answer.nonce = nonce_of(9); }));
  EXPECT_NE(base, with([](auto&, auto& answer) { answer.incarnation.value.bytes[0] = 9; }));
  EXPECT_NE(base, with([](auto&, auto& answer) { answer.key = statement_of(101); }));
  EXPECT_EQ(base, with([](auto&, auto& answer) { answer.proof = {}; }));
}

}  // namespace
}  // namespace graphite
