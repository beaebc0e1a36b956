#include "schemas/codec/chunk_messages.hpp"

#include <gtest/gtest.h>

#include "tests/schemas/mutate.hpp"

namespace graphite {
namespace {

using test::bytes_of;
using test::digest_of_number;

std::vector<chunk_request> requests() {
  ack_request ack;
  ack.who.value.bytes.fill(1);
  ack.name = "host:42";
  ack.channel = "main";
  ack.accepted_epoch.value = 7;
  ack.active_sequence.value = 8;
  ack.active_root = digest_of_number(9);
  return {snapshot_request{"main"},
          pages_request{{digest_of_number(1), digest_of_number(2)}},
          list_request{digest_of_number(3)},
          contents_request{{{digest_of_number(4), 5, 6}, {digest_of_number(7), 0, 0}}, 65536},
          behind_request{digest_of_number(8)},
          ack,
          welcome_request{ack.who, {bytes_of("ticket"), bytes_of("another")}},
          revocations_request{digest_of_number(10), 262'144}};
}

std::vector<chunk_reply> replies() {
  return {{refusal{errc::not_found, "no such channel"}, {}},
          {snapshot_reply{3, 4}, {bytes_of("head"), bytes_of("page")}},
          {pages_reply{{true, false, true}}, {bytes_of("one"), bytes_of("two")}},
          {list_reply{}, {bytes_of("list")}},
          {contents_reply{{{false, 2}, {true, 0}}}, {bytes_of("chunks")}},
          {behind_reply{}, {bytes_of("behind")}},
          {ack_reply{}, {}},
          {welcome_reply{":7402", "10.0.0.1:7403", {{"game", 5}, {"ui", 6}}, "one was refused"}, {}},
          {revocations_reply{}, {bytes_of("piece")}}};
}

TEST(chunk_request_codec, round_trip) {
  for (const auto& request : requests()) {
    const auto back = decode_chunk_request(encode(request));
    ASSERT_TRUE(back) << back.error().context;
    EXPECT_EQ(back->what, request);
    EXPECT_EQ(back->channel, "");
    const scoped_request scoped{"game", request};
    EXPECT_EQ(*decode_chunk_request(encode(scoped)), scoped);
  }
}

TEST(chunk_request_codec, survives_every_flip_and_truncation) {
  for (const auto& request : requests())
    test::mutate(encode(request), 1000, [&](byte_span bad) { (void)decode_chunk_request(bad); });
}

TEST(chunk_request_codec, refuses_what_is_over_a_limit) {
  const auto pages =
      decode_chunk_request(encode(pages_request{std::vector<digest>(chunk_port_limits::pages_max + 1)}));
  ASSERT_FALSE(pages);
  EXPECT_EQ(pages.error().code, errc::too_large);
  EXPECT_FALSE(decode_chunk_request(encode(snapshot_request{std::string(200, 'a')})));
  EXPECT_FALSE(decode_chunk_request(encode(snapshot_request{"a/b"})));
  EXPECT_FALSE(decode_chunk_request(encode(snapshot_request{"a"}, "a/b")));
  using tickets = std::vector<byte_vector>;
  EXPECT_FALSE(
      decode_chunk_request(encode(welcome_request{{}, tickets(chunk_port_limits::tickets_max + 1)})));
  EXPECT_FALSE(
      decode_chunk_request(encode(welcome_request{{}, tickets(1, byte_vector(ticket_bytes_max + 1))})));
  const welcome_request largest{{}, tickets(chunk_port_limits::tickets_max, byte_vector(ticket_bytes_max))};
  EXPECT_LT(encode(largest).size(), chunk_port_limits::welcome_bytes_max);
}

TEST(chunk_reply_codec, round_trip) {
  for (const auto& reply : replies()) {
    const auto back = decode_chunk_reply(encode(reply));
    ASSERT_TRUE(back) << back.error().context;
    EXPECT_EQ(*back, reply);
  }
}

TEST(chunk_reply_codec, survives_every_flip_and_truncation_of_the_header) {
  for (const auto& reply : replies()) {
    const auto frames = encode(reply);
    test::mutate(frames.front(), 1000, [&](byte_span bad) {
      auto copy = frames;
      copy.front().assign(bad.begin(), bad.end());
      (void)decode_chunk_reply(std::move(copy));
    });
  }
}

TEST(chunk_reply_codec, refuses_frames_that_do_not_fit_the_header) {
  for (const auto& reply : replies()) {
    auto more = encode(reply);
    more.insert(more.end(), 300, bytes_of("x"));
    EXPECT_FALSE(decode_chunk_reply(std::move(more)));
    auto fewer = encode(reply);
    if (fewer.size() == 1 || std::holds_alternative<snapshot_reply>(reply.header)) continue;
    fewer.pop_back();
    EXPECT_FALSE(decode_chunk_reply(std::move(fewer)));
  }
}

TEST(chunk_reply_codec, refuses_an_oversized_frame) {
  auto frames = encode(
      chunk_reply{contents_reply{{{false, 1}}}, {byte_vector(chunk_port_limits::reply_bytes_max + 1)}});
  const auto read = decode_chunk_reply(std::move(frames));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, errc::too_large);
}

}  // namespace
}  // namespace graphite
