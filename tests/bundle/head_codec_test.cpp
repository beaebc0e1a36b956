#include "bundle/head_codec.hpp"

#include <gtest/gtest.h>

#include "tests/bundle/bundle_file_support.hpp"

namespace graphite {
namespace {

using namespace test;

head_file sample() {
  head_file out;
  out.value = sample_head(index_tree(sha()));
  out.value.behind = sha().sha256({});
  out.root = {2, 640};
  out.behind = {segment_id{4}, 4096, 100};
  out.page_files = {1, 2, 9};
  return out;
}

behind_list sample_behind() {
  return {
      5,
      {{path("a/b.png"), behind_asset::why::failed, "line 3: no"}, {path("c"), behind_asset::why::held, ""}}};
}

TEST(head_codec, round_trips) {
  const auto bytes = encode_head(sample(), sha()).value();
  ASSERT_EQ(bytes.size(), head_file_bytes);
  EXPECT_EQ(as_text(bytes).substr(0, 4), "GRPH");
  const auto read = decode_head(bytes, sha());
  ASSERT_TRUE(read) << read.error().context;
  EXPECT_EQ(*read, sample());
}

TEST(head_codec, every_flipped_byte_and_cut_length_is_refused) {
  const auto bytes = encode_head(sample(), sha()).value();
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const auto bits : {std::byte{1}, std::byte{0x80}, std::byte{0xff}}) {
      auto bad = bytes;
      bad[at] ^= bits;
      EXPECT_FALSE(decode_head(bad, sha())) << at;
    }
    EXPECT_FALSE(decode_head(byte_span(bytes).first(at), sha())) << at;
  }
}

TEST(head_codec, a_newer_version_says_so) {
  auto bytes = encode_head(sample(), sha()).value();
  bytes[4] = std::byte{3};
  EXPECT_EQ(decode_head(bytes, sha()).error().code, errc::newer_version);
  bytes[0] = std::byte{0};
  EXPECT_EQ(decode_head(bytes, sha()).error().code, errc::corrupt);
}

/// The head with a field changed and its digest made good again, as somebody else's writer would have it.
byte_vector changed_head(std::size_t at, std::byte to) {
  auto bytes = encode_head(sample(), sha()).value();
  bytes[at] = to;
  const digest id = sha().sha256(byte_span(bytes).first(480));
  std::copy(as_bytes(id).begin(), as_bytes(id).end(), bytes.begin() + 480);
  return bytes;
}

TEST(head_codec, a_signature_rides_along) {
  auto from = sample();
  for (const std::size_t size : {std::size_t{1}, std::size_t{300}, head_signature_bytes_max}) {
    from.signature.assign(size, std::byte{9});
    const auto bytes = encode_head(from, sha()).value();
    ASSERT_EQ(bytes.size(), head_file_bytes);
    EXPECT_EQ(decode_head(bytes, sha()).value(), from);
    EXPECT_EQ(bytes[4], std::byte{2}) << "programs that do not know of it say that they are too old";
  }
  from.signature.push_back(std::byte{9});
  EXPECT_EQ(encode_head(from, sha()).error().code, errc::too_large);
}

TEST(head_codec, what_a_signature_covers_is_the_same_before_it_and_with_it) {
  auto from = sample();
  from.signature = {std::byte{1}};
  const auto one = encode_head(from, sha()).value();
  from.signature = {std::byte{2}, std::byte{3}};
  const auto other = encode_head(from, sha()).value();
  EXPECT_TRUE(std::equal(one.begin(), one.begin() + head_shared_bytes, other.begin()));
}

TEST(head_codec, impossible_signatures_are_refused) {
  EXPECT_EQ(decode_head(changed_head(4, std::byte{2}), sha()).error().code, errc::corrupt) << "none";
  EXPECT_EQ(decode_head(changed_head(4, std::byte{0}), sha()).error().code, errc::corrupt);
  EXPECT_EQ(decode_head(changed_head(512, std::byte{1}), sha()).error().code, errc::corrupt)
      << "one where the version has none";
  auto from = sample();
  from.signature = {std::byte{1}};
  auto bytes = encode_head(from, sha()).value();
  bytes[1023] = std::byte{1};
  EXPECT_EQ(decode_head(bytes, sha()).error().code, errc::corrupt) << "something behind it";
  bytes = encode_head(from, sha()).value();
  bytes[513] = std::byte{2};  // 513 bytes, of 510
  EXPECT_EQ(decode_head(bytes, sha()).error().code, errc::corrupt);
}

TEST(head_codec, decode_on_load_is_refused_not_ignored) {
  EXPECT_EQ(decode_head(changed_head(6, std::byte{1}), sha()).error().code, errc::unsupported);
  EXPECT_EQ(decode_head(changed_head(6, std::byte{2}), sha()).error().code, errc::corrupt);
  EXPECT_EQ(decode_head(changed_head(7, std::byte{1}), sha()).error().code, errc::corrupt);
}

TEST(head_codec, a_place_of_no_side_object_is_refused) {
  auto from = sample();
  from.value.behind = {};
  from.behind = {};
  auto bytes = encode_head(from, sha()).value();
  bytes[264] = std::byte{1};
  const digest id = sha().sha256(byte_span(bytes).first(480));
  std::copy(as_bytes(id).begin(), as_bytes(id).end(), bytes.begin() + 480);
  EXPECT_EQ(decode_head(bytes, sha()).error().code, errc::corrupt);
}

TEST(head_codec, what_is_shared_does_not_depend_on_local_pointers) {
  auto other = sample();
  other.root = {7, 8000};
  other.page_files = {7};
  const auto a = encode_head(sample(), sha()).value(), b = encode_head(other, sha()).value();
  EXPECT_TRUE(std::equal(a.begin(), a.begin() + head_shared_bytes, b.begin()));
  EXPECT_NE(a, b);
}

TEST(head_codec, channel_names_are_checked) {
  auto from = sample();
  from.value.channel = "a+b";
  EXPECT_EQ(encode_head(from, sha()).error().code, errc::invalid_argument);
  from.value.channel = std::string(65, 'a');
  EXPECT_EQ(encode_head(from, sha()).error().code, errc::invalid_argument);
}

TEST(behind_codec, round_trips_and_keeps_to_its_limits) {
  const auto read = decode_behind(encode_behind(sample_behind())).value();
  EXPECT_EQ(read.count, 5u);
  ASSERT_EQ(read.listed.size(), 2u);
  EXPECT_EQ(read.listed[0].message, "line 3: no");
  behind_list many;
  for (std::size_t i = 0; i < 1200; ++i)
    many.listed.push_back({path(asset_name(i)), behind_asset::why::failed, std::string(5000, 'x')});
  const auto cut = decode_behind(encode_behind(many)).value();
  EXPECT_EQ(cut.count, 1200u);
  EXPECT_EQ(cut.listed.size(), behind_list::listed_max);
  EXPECT_EQ(cut.listed[0].message.size(), behind_message_bytes_max);
}

// The side object is content: its digest refuses flips. Decoding must still be safe, and cuts always fail.
TEST(behind_codec, no_damage_breaks_the_decoder) {
  const auto bytes = encode_behind(sample_behind());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    auto bad = bytes;
    bad[at] ^= std::byte{0xff};
    (void)decode_behind(bad);
    EXPECT_FALSE(decode_behind(byte_span(bytes).first(at))) << at;
  }
}

TEST(file_names, are_numbers_in_hexadecimal) {
  EXPECT_EQ(page_file_name(42), "pages-0000002a");
  EXPECT_EQ(segment_file_name(segment_id{7}), "segment-00000007");
}

}  // namespace
}  // namespace graphite
