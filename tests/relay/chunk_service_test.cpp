#include "relay/chunk_service.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "bundle/head_codec.hpp"
#include "platform/crypto/sha256.hpp"
#include "tests/support/memory_chunk_store.hpp"

namespace graphite {
namespace {

using limits = chunk_port_limits;
constexpr std::uint32_t u32_max = std::numeric_limits<std::uint32_t>::max();

class chunk_service_test : public ::testing::Test {
 protected:
  chunk_service_test() {
    sources_.store = &store_;
    sources_.hash = &hash_;
    sources_.page = [this](std::string_view, const digest& id) -> std::optional<byte_vector> {
      const auto found = pages_.find(id);
      return found == pages_.end() ? std::nullopt : std::optional(found->second);
    };
    sources_.head = [this](std::string_view channel) -> std::optional<chunk_service_sources::current_head> {
      if (channel != "main") return std::nullopt;
      return chunk_service_sources::current_head{byte_vector(10), hints_, 7, 8};
    };
  }
  chunk_reply ask(const chunk_request& request) const { return chunk_service(sources_).answer(request); }
  contents_reply contents_of_reply(const chunk_reply& reply) const {
    const auto* header = std::get_if<contents_reply>(&reply.header);
    return header ? *header : contents_reply{};
  }
  static std::optional<errc> refused(const chunk_reply& reply) {
    const auto* no = std::get_if<refusal>(&reply.header);
    return no ? std::optional(no->code) : std::nullopt;
  }
  static byte_vector bytes_of(std::size_t size, std::uint64_t seed = 1) {
    byte_vector out(size);
    for (auto& b : out)
      b = static_cast<std::byte>((seed = seed * 6364136223846793005u + 1442695040888963407u) >> 56);
    return out;
  }
  digest name(std::uint8_t n) const {
    digest out;
    out.bytes.fill(n);
    return out;
  }
  static std::size_t raw_bytes(const chunk_reply& reply) {
    std::size_t sum = 0;
    for (const auto& frame : reply.frames) sum += frame.size();
    return sum;
  }

  openssl_hasher hash_;
  memory_chunk_store store_{hash_};
  std::map<digest, byte_vector> pages_;
  std::vector<byte_vector> hints_;
  chunk_service_sources sources_;
};

TEST_F(chunk_service_test, a_content_comes_whole) {
  const byte_vector bytes = bytes_of(1000);
  const content_ref content = add_content(store_, bytes, hash_);
  const auto reply = ask(contents_request{{{content.id, 0, 0}}, 64 * KiB});
  ASSERT_EQ(contents_of_reply(reply).pieces.size(), 1u);
  EXPECT_EQ(contents_of_reply(reply).pieces[0].chunks, 1u);
  ASSERT_EQ(reply.frames.size(), 1u);
  EXPECT_EQ(reply.frames[0], bytes);
}

TEST_F(chunk_service_test, a_range_is_cut_at_the_credit_and_goes_on_where_it_ended) {
  const byte_vector bytes = bytes_of(1'500'000);
  const content_ref content = add_content(store_, bytes, hash_);
  byte_vector got;
  std::uint32_t next = 0;
  for (int i = 0; i < 100 && got.size() < bytes.size(); ++i) {
    const auto reply = ask(contents_request{{{content.id, next, 0}}, 300'000});
    ASSERT_EQ(reply.frames.size(), 1u);
    EXPECT_LE(reply.frames[0].size(), 300'000u);
    got.insert(got.end(), reply.frames[0].begin(), reply.frames[0].end());
    next += contents_of_reply(reply).pieces[0].chunks;
  }
  EXPECT_EQ(got, bytes);
}

TEST_F(chunk_service_test, no_credit_gives_one_chunk_and_no_more) {
  const content_ref content = add_content(store_, bytes_of(1'000'000), hash_);
  const content_ref other = add_content(store_, bytes_of(10, 2), hash_);
  const auto reply = ask(contents_request{{{content.id, 0, 0}, {other.id, 0, 0}}, 0});
  EXPECT_EQ(contents_of_reply(reply).pieces.size(), 1u);
  EXPECT_EQ(contents_of_reply(reply).pieces[0].chunks, 1u);
  EXPECT_LE(raw_bytes(reply), 256 * KiB);
}

TEST_F(chunk_service_test, a_boundless_credit_is_bounded_here) {
  const content_ref content = add_content(store_, bytes_of(5'000'000), hash_);
  const auto reply = ask(contents_request{{{content.id, 0, 0}}, u32_max});
  EXPECT_LE(raw_bytes(reply), limits::reply_bytes_max);
  EXPECT_GT(raw_bytes(reply), limits::reply_bytes_max / 2);
}

TEST_F(chunk_service_test, impossible_ranges_give_nothing) {
  const content_ref content = add_content(store_, bytes_of(500'000), hash_);
  for (const chunk_range range :
       {chunk_range{content.id, u32_max, u32_max}, chunk_range{content.id, u32_max, 0},
        chunk_range{content.id, 1'000'000, 5}}) {
    const auto reply = ask(contents_request{{range}, 64 * KiB});
    ASSERT_EQ(contents_of_reply(reply).pieces.size(), 1u);
    EXPECT_EQ(contents_of_reply(reply).pieces[0].chunks, 0u);
    EXPECT_FALSE(contents_of_reply(reply).pieces[0].absent);
    EXPECT_TRUE(reply.frames.empty());
  }
  const auto reply = ask(contents_request{{{content.id, 1, u32_max}}, u32_max});  // to the end, not beyond
  EXPECT_LT(raw_bytes(reply), 500'000u);
}

TEST_F(chunk_service_test, absent_contents_are_told_beside_those_that_are_here) {
  const content_ref content = add_content(store_, bytes_of(10), hash_);
  const auto reply = ask(contents_request{{{name(1), 0, 0}, {content.id, 0, 0}, {name(2), 3, 9}}, 64 * KiB});
  const auto header = contents_of_reply(reply);
  ASSERT_EQ(header.pieces.size(), 3u);
  EXPECT_TRUE(header.pieces[0].absent);
  EXPECT_FALSE(header.pieces[1].absent);
  EXPECT_TRUE(header.pieces[2].absent);
  EXPECT_EQ(reply.frames.size(), 1u);
}

TEST_F(chunk_service_test, too_many_of_anything_is_refused) {
  EXPECT_EQ(refused(ask(contents_request{std::vector<chunk_range>(limits::ranges_max + 1), 1})),
            errc::too_large);
  EXPECT_FALSE(refused(ask(contents_request{std::vector<chunk_range>(limits::ranges_max), 1})));
  EXPECT_EQ(refused(ask(pages_request{std::vector<digest>(limits::pages_max + 1)})), errc::too_large);
  EXPECT_FALSE(refused(ask(pages_request{std::vector<digest>(limits::pages_max)})));
}

TEST_F(chunk_service_test, one_content_asked_for_many_times_stays_within_the_limit) {
  const content_ref content = add_content(store_, bytes_of(60'000), hash_);
  const auto reply =
      ask(contents_request{std::vector<chunk_range>(limits::ranges_max, {content.id, 0, 0}), u32_max});
  EXPECT_LE(raw_bytes(reply), limits::reply_bytes_max);
  EXPECT_LE(reply.frames.size() + 1, limits::frames_max);
}

TEST_F(chunk_service_test, pages_come_in_the_order_asked_and_end_at_the_limit) {
  for (std::uint8_t i = 0; i < 40; ++i) pages_[name(i)] = byte_vector(limits::page_bytes_max, std::byte{i});
  pages_request request;
  request.pages.push_back(name(200));  // not here
  for (std::uint8_t i = 0; i < 40; ++i) request.pages.push_back(name(i));
  const auto reply = ask(request);
  const auto& header = std::get<pages_reply>(reply.header);
  ASSERT_GT(header.present.size(), 2u);
  EXPECT_FALSE(header.present[0]);
  EXPECT_TRUE(header.present[1]);
  EXPECT_EQ(reply.frames.size() + 1, header.present.size());
  EXPECT_EQ(reply.frames[0][0], std::byte{0});
  EXPECT_LE(raw_bytes(reply), limits::reply_bytes_max);
}

TEST_F(chunk_service_test, a_list_has_what_the_content_is_made_of) {
  const content_ref content = add_content(store_, bytes_of(900'000), hash_);
  const auto reply = ask(list_request{content.id});
  ASSERT_TRUE(std::holds_alternative<list_reply>(reply.header));
  const auto list = decode_chunk_list(content, reply.frames.at(0), {}, hash_);
  ASSERT_TRUE(list);
  EXPECT_EQ(list->total_bytes(), content.size);
  EXPECT_EQ(refused(ask(list_request{name(3)})), errc::not_found);
}

TEST_F(chunk_service_test, a_snapshot_is_of_a_channel_that_exists) {
  hints_.assign(600, byte_vector(100));
  hints_.front().resize(limits::page_bytes_max + 1);  // no page is so long
  const auto reply = ask(snapshot_request{"main"});
  EXPECT_EQ(std::get<snapshot_reply>(reply.header).pages, 7u);
  EXPECT_EQ(reply.frames.front().size(), 10u);
  EXPECT_LE(reply.frames.size() + 1, limits::frames_max);
  for (const auto& frame : reply.frames) EXPECT_LE(frame.size(), limits::page_bytes_max);
  const auto no = ask(snapshot_request{std::string(1'000'000, 'x')});
  EXPECT_EQ(refused(no), errc::not_found);
  EXPECT_LE(std::get<refusal>(no.header).message.size(), limits::message_text_max);
}

TEST_F(chunk_service_test, what_is_behind_is_served_up_to_the_limit) {
  const content_ref small = add_content(store_, bytes_of(3000), hash_);
  const auto reply = ask(behind_request{small.id});
  ASSERT_TRUE(std::holds_alternative<behind_reply>(reply.header));
  EXPECT_EQ(reply.frames.at(0), bytes_of(3000));
  const content_ref large = add_content(store_, bytes_of(behind_bytes_max), hash_);
  EXPECT_TRUE(std::holds_alternative<behind_reply>(ask(behind_request{large.id}).header));
  const content_ref too_large = add_content(store_, bytes_of(behind_bytes_max + 1), hash_);
  EXPECT_EQ(refused(ask(behind_request{too_large.id})), errc::too_large);
  EXPECT_EQ(refused(ask(behind_request{name(9)})), errc::not_found);
}

TEST_F(chunk_service_test, acks_are_not_served_here) {
  EXPECT_EQ(refused(ask(ack_request{})), errc::unsupported);
}

TEST_F(chunk_service_test, a_store_that_fails_is_a_refusal) {
  struct failing final : chunk_store {
    result<stored_content> put(byte_span, const chunk_list&) override { return fail(errc::io, "x"); }
    result<std::unique_ptr<content_writer>> begin(std::uint64_t) override { return fail(errc::io, "x"); }
    result<std::optional<stored_content>> find(const digest&) const override {
      return fail(errc::io, "the disk");
    }
    result<void> read(const digest&, std::uint64_t, std::span<std::byte>) const override {
      return fail(errc::io, "x");
    }
    result<void> sync() override { return {}; }
    result<stored_content> hold(byte_span, const chunk_list&) override { return fail(errc::io, "x"); }
    result<void> fold() override { return {}; }
  } store;
  sources_.store = &store;
  EXPECT_EQ(refused(ask(contents_request{{{name(1), 0, 0}}, 10})), errc::io);
  EXPECT_EQ(refused(ask(list_request{name(1)})), errc::io);
  EXPECT_EQ(refused(ask(behind_request{name(1)})), errc::io);
}

TEST_F(chunk_service_test, gives_the_list_of_revoked_keys_in_pieces) {
  EXPECT_EQ(refused(ask(revocations_request{name(1), 0})), errc::not_found) << "there is none";
  const auto list = bytes_of(2 * limits::revocations_piece_bytes + 10);
  sources_.revocations = [&] {
    return chunk_service_sources::signed_list{name(1), std::make_shared<const byte_vector>(list)};
  };
  byte_vector whole;
  for (int i = 0; i < 3; ++i) {
    const auto piece = ask(revocations_request{name(1), static_cast<std::uint32_t>(whole.size())});
    ASSERT_TRUE(std::holds_alternative<revocations_reply>(piece.header));
    ASSERT_EQ(piece.frames.size(), 1u);
    EXPECT_EQ(piece.frames[0].size(), i < 2 ? limits::revocations_piece_bytes : 10);
    whole.insert(whole.end(), piece.frames[0].begin(), piece.frames[0].end());
  }
  EXPECT_EQ(whole, list);
  EXPECT_EQ(refused(ask(revocations_request{name(1), static_cast<std::uint32_t>(list.size())})),
            errc::invalid_argument);
  EXPECT_EQ(refused(ask(revocations_request{name(1), u32_max})), errc::invalid_argument);
  EXPECT_EQ(refused(ask(revocations_request{name(2), 0})), errc::not_found) << "another is in force";
}

}  // namespace
}  // namespace graphite
