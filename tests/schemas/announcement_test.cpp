#include "schemas/codec/announcement.hpp"

#include <gtest/gtest.h>

#include "core/channel_name.hpp"
#include "core/credentials.hpp"
#include "tests/schemas/mutate.hpp"
#include "tests/support/paths.hpp"

namespace graphite {
namespace {

using test::bytes_of;
using test::digest_of_number;

using test::path_of;

announcement sample() {
  announcement a;
  a.head = bytes_of("a head, encoded");
  a.base_root = digest_of_number(1);
  a.base_epoch.value = 1'700'000'000;
  a.base_sequence.value = 41;
  a.upserts = {bytes_of("record one"), bytes_of("record two")};
  a.removals = {path_of("a/gone.png"), path_of("b/gone.wav")};
  a.lists = {{digest_of_number(2), {{{digest_of_number(3), 65536}, {digest_of_number(4), 17}}}}};
  a.chunks = {{digest_of_number(5), bytes_of("some bytes")}};
  a.times.edited = time_from_ns(10);
  a.times.published = time_from_ns(20);
  a.clock.bytes.fill(9);
  a.trace.value = 77;
  return a;
}

TEST(announcement_codec, round_trip) {
  const auto back = decode_announcement(encode(sample()));
  ASSERT_TRUE(back) << back.error().context;
  EXPECT_EQ(*back, sample());
}

TEST(announcement_codec, empty_round_trip) {
  const auto back = decode_announcement(encode(announcement{}));
  ASSERT_TRUE(back) << back.error().context;
  EXPECT_EQ(*back, announcement{});
}

TEST(announcement_codec, reads_unaligned_bytes) {
  byte_vector shifted = encode(sample());
  shifted.insert(shifted.begin(), std::byte{0});
  const auto back = decode_announcement(byte_span(shifted).subspan(1));
  ASSERT_TRUE(back) << back.error().context;
  EXPECT_EQ(*back, sample());
}

TEST(announcement_codec, survives_every_flip_and_truncation) {
  const byte_vector good = encode(sample());
  std::size_t refused = 0;
  test::mutate(good, 5000, [&](byte_span bad) {
    const auto read = decode_announcement(bad);
    if (!read)
      ++refused;
    else
      EXPECT_LE(read->upserts.size(), announcement::entries_max);
  });
  EXPECT_GT(refused, good.size());  // at least every truncation
}

TEST(announcement_codec, refuses_more_inline_bytes_than_the_limit) {
  announcement a = sample();
  a.chunks = {{digest_of_number(1), byte_vector(inline_bytes_max)}, {digest_of_number(2), byte_vector(1)}};
  const auto read = decode_announcement(encode(a));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, errc::too_large);
}

TEST(announcement_codec, refuses_an_oversized_message) {
  const auto read = decode_announcement(byte_vector(announcement::message_bytes_max + 8));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, errc::too_large);
}

TEST(announcement_codec, refuses_removals_out_of_order) {
  announcement a = sample();
  std::swap(a.removals[0], a.removals[1]);
  EXPECT_FALSE(decode_announcement(encode(a)));
}

TEST(announcement_codec, refuses_entries_of_an_incomplete_announcement) {
  announcement a = sample();
  a.complete = false;
  EXPECT_FALSE(decode_announcement(encode(a)));
}

heartbeat beat() {
  heartbeat h;
  h.place.publisher.value.bytes.fill(3);
  h.place.chunk_port = 7403;
  h.channels.resize(2);
  h.channels[0].channel = "main";
  h.channels[1].channel = "test";
  h.channels[1].epoch.value = 5;
  h.channels[1].sequence.value = 6;
  h.channels[1].root = digest_of_number(8);
  return h;
}

TEST(heartbeat_codec, round_trip) {
  const auto back = decode_heartbeat(encode(beat()));
  ASSERT_TRUE(back) << back.error().context;
  EXPECT_EQ(*back, beat());
}

TEST(heartbeat_codec, names_a_list_of_revoked_keys_that_is_too_long_for_it) {
  auto named = beat();
  named.news.longer = {digest_of_number(9), revocations_bytes_max};
  EXPECT_EQ(*decode_heartbeat(encode(named)), named);
  ++named.news.longer.bytes;
  EXPECT_EQ(decode_heartbeat(encode(named)).error().code, errc::too_large);
}

TEST(heartbeat_codec, survives_every_flip_and_truncation) {
  test::mutate(encode(beat()), 5000, [&](byte_span bad) {
    const auto read = decode_heartbeat(bad);
    if (!read) return;
    for (const auto& channel : read->channels) EXPECT_TRUE(is_channel_name(channel.channel));
  });
}

TEST(heartbeat_codec, refuses_channels_out_of_order_and_odd_names) {
  heartbeat h = beat();
  std::swap(h.channels[0], h.channels[1]);
  EXPECT_FALSE(decode_heartbeat(encode(h)));
  h = beat();
  h.channels[0].channel = "../up";
  EXPECT_FALSE(decode_heartbeat(encode(h)));
}

}  // namespace
}  // namespace graphite
