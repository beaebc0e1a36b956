#include "schemas/codec/store_messages.hpp"

#include <gtest/gtest.h>

#include "tests/schemas/mutate.hpp"

namespace graphite {
namespace {

using limits = store_port_limits;
using outcome = stores::put_outcome;
using test::bytes_of;
using test::digest_of_number;

struct sent {
  stores::request what;
  std::vector<byte_vector> raw = {};
};

std::vector<sent> store_requests() {
  stores::put_request put;
  put.who.value.bytes.fill(3);
  put.pieces = {{{digest_of_number(1), 4}, 0}, {{digest_of_number(2), 1'000'000}, 65'536}};
  return {{stores::enrol_request{}},
          {stores::enrol_request{stores::enrol_request::what::prove, bytes_of("answer")}},
          {stores::enrol_request{stores::enrol_request::what::pass, bytes_of("pass")}},
          {stores::have_request{{digest_of_number(1), digest_of_number(2)}}},
          {put, {bytes_of("four"), bytes_of("more")}},
          {list_request{digest_of_number(3), {}}},
          {contents_request{{{digest_of_number(4), 5, 6, {}}, {digest_of_number(7), 0, 0, {}}}, 65'536}},
          {stores::look_request{{digest_of_number(8)}}}};
}

std::vector<stores::reply> store_replies() {
  return {{refusal{errc::busy, "later"}, {}},
          {stores::enrol_reply{bytes_of("challenge")}, {}},
          {stores::have_reply{{true, false, true}}, {}},
          {stores::put_reply{{{outcome::what::durable},
                              {outcome::what::partly, 12'345},
                              {outcome::what::refused, 0, errc::corrupt}}},
           {}},
          {list_reply{}, {bytes_of("list"), bytes_of("sub-lists")}},
          {contents_reply{{{false, 2}, {true, 0}, {false, 0}}}, {bytes_of("chunks")}},
          {stores::look_reply{}, {}}};
}

result<stores::request> decode(const stores::request& what, const std::vector<byte_vector>& raw) {
  const auto header = encode_store_request(what);
  std::vector<byte_span> frames{header};
  frames.insert(frames.end(), raw.begin(), raw.end());
  return decode_store_request(frames);
}

std::optional<errc> refused(const stores::request& what, const std::vector<byte_vector>& raw = {}) {
  const auto back = decode(what, raw);
  return back ? std::nullopt : std::optional(back.error().code);
}

TEST(store_request_codec, round_trip) {
  for (const auto& request : store_requests()) {
    const auto back = decode(request.what, request.raw);
    ASSERT_TRUE(back) << back.error().context;
    EXPECT_EQ(*back, request.what);
  }
}

TEST(store_request_codec, survives_every_flip_and_truncation) {
  for (const auto& request : store_requests())
    test::mutate(encode_store_request(request.what), 1000, [&](byte_span bad) {
      std::vector<byte_span> frames{bad};
      frames.insert(frames.end(), request.raw.begin(), request.raw.end());
      (void)decode_store_request(frames);
    });
}

TEST(store_request_codec, refuses_what_is_over_a_limit) {
  EXPECT_FALSE(refused(stores::look_request{std::vector<digest>(store_port_limits::looks_max)}));
  EXPECT_EQ(refused(stores::look_request{std::vector<digest>(store_port_limits::looks_max + 1)}),
            errc::too_large);
  const auto many = [](std::size_t count) { return stores::have_request{std::vector<digest>(count)}; };
  EXPECT_FALSE(refused(many(limits::contents_max)));
  EXPECT_EQ(refused(many(limits::contents_max + 1)), errc::too_large);
  const auto pieces = [](std::size_t count) {
    return stores::put_request{{}, std::vector<stores::put_piece>(count)};
  };
  EXPECT_FALSE(refused(pieces(limits::pieces_max), std::vector<byte_vector>(limits::pieces_max)));
  EXPECT_TRUE(refused(pieces(limits::pieces_max + 1), std::vector<byte_vector>(limits::pieces_max + 1)));
  EXPECT_EQ(refused(contents_request{std::vector<chunk_range>(limits::ranges_max + 1), 1}), errc::too_large);
  const content_ref largest{digest_of_number(1), limits::content_bytes_max};
  EXPECT_FALSE(refused(stores::put_request{{}, {{largest, 0}}}, {byte_vector(limits::raw_bytes_max)}));
  EXPECT_EQ(refused(stores::put_request{{}, {{largest, 0}}}, {byte_vector(limits::raw_bytes_max + 1)}),
            errc::too_large);
  EXPECT_EQ(refused(stores::put_request{{}, {{largest, 0}, {largest, 5}}},
                    {byte_vector(limits::raw_bytes_max), byte_vector(1)}),
            errc::too_large)
      << "all pieces count together";
  EXPECT_EQ(refused(stores::put_request{{}, {{{{}, limits::content_bytes_max + 1}, 0}}}, {{}}),
            errc::too_large);
  const byte_vector shown(limits::credential_bytes_max + 1);
  EXPECT_EQ(refused(stores::enrol_request{stores::enrol_request::what::prove, shown}), errc::too_large);
  EXPECT_LT(encode_store_request(stores::enrol_request{{}, byte_vector(limits::credential_bytes_max)}).size(),
            limits::enrol_bytes_max);
}

TEST(store_request_codec, bytes_stay_within_their_content) {
  const content_ref ten{digest_of_number(1), 10};
  EXPECT_FALSE(refused(stores::put_request{{}, {{ten, 4}}}, {byte_vector(6)}));
  EXPECT_EQ(refused(stores::put_request{{}, {{ten, 4}}}, {byte_vector(7)}), errc::invalid_argument);
  EXPECT_EQ(refused(stores::put_request{{}, {{ten, 11}}}, {byte_vector()}), errc::invalid_argument);
  EXPECT_EQ(refused(stores::put_request{{}, {{ten, ~std::uint64_t{0}}}}, {byte_vector(1)}),
            errc::invalid_argument);
}

TEST(store_request_codec, raw_frames_are_those_of_the_request) {
  EXPECT_EQ(refused(stores::have_request{{digest_of_number(1)}}, {bytes_of("x")}), errc::corrupt);
  EXPECT_EQ(refused(stores::put_request{{}, {{{digest_of_number(1), 4}, 0}}}, {}), errc::corrupt);
  EXPECT_EQ(decode_store_request({}).error().code, errc::corrupt);
}

TEST(store_reply_codec, round_trip) {
  for (const auto& reply : store_replies()) {
    const auto back = decode_store_reply(encode_store_reply(reply));
    ASSERT_TRUE(back) << back.error().context;
    EXPECT_EQ(*back, reply);
  }
}

TEST(store_reply_codec, survives_every_flip_and_truncation) {
  for (const auto& reply : store_replies()) {
    const auto frames = encode_store_reply(reply);
    test::mutate(frames.front(), 1000, [&](byte_span bad) {
      auto copy = frames;
      copy.front().assign(bad.begin(), bad.end());
      (void)decode_store_reply(std::move(copy));
    });
  }
}

TEST(store_reply_codec, raw_frames_fit_the_header) {
  const auto decoded = [](const stores::reply& reply) {
    return decode_store_reply(encode_store_reply(reply));
  };
  EXPECT_FALSE(decoded({contents_reply{{{false, 1}}}, {}}));
  EXPECT_FALSE(decoded({contents_reply{{{false, 0}}}, {bytes_of("x")}}));
  EXPECT_FALSE(decoded({contents_reply{{{true, 1}}}, {bytes_of("x")}}));
  EXPECT_FALSE(decoded(
      {contents_reply{{{false, 1}, {false, 1}}}, {byte_vector(limits::raw_bytes_max), byte_vector(1)}}));
  EXPECT_FALSE(decoded({list_reply{}, {}}));
  EXPECT_FALSE(decoded({stores::have_reply{{true}}, {bytes_of("x")}}));
  EXPECT_FALSE(decode_store_reply({}));
  EXPECT_FALSE(decode_store_reply(std::vector<byte_vector>(limits::frames_max + 1, byte_vector(8))));
}

TEST(store_reply_codec, a_code_that_is_not_known_says_to_try_again) {
  const auto back =
      decode_store_reply(encode_store_reply({refusal{static_cast<errc>(999), "from a newer version"}, {}}));
  ASSERT_TRUE(back);
  EXPECT_EQ(std::get<refusal>(back->header).code, errc::unavailable);
}

}  // namespace
}  // namespace graphite
