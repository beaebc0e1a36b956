#include "relay/announcer.hpp"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "bundle/head_codec.hpp"
#include "bundle/index_page.hpp"
#include "bundle/record_bytes.hpp"
#include "platform/crypto/sha256.hpp"

namespace graphite {
namespace {

class announcer : public ::testing::Test {
 protected:
  announcer() {
    input_.now.channel = "main";
    input_.now.epoch = epoch_number{3};
    input_.now.sequence = sequence_number{9};
    input_.now.root.bytes.fill(1);
    input_.changes = &changes_;
    source_.bytes = [this](const content_ref& c) -> std::optional<byte_vector> {
      const auto found = bytes_.find(c.id);
      return found == bytes_.end() ? std::nullopt : std::optional(found->second);
    };
    source_.list = [this](const content_ref& c) -> std::optional<chunk_list> {
      const auto found = lists_.find(c.id);
      return found == lists_.end() ? std::nullopt : std::optional(found->second);
    };
  }
  /// Bytes that differ by `seed`.
  static byte_vector bytes_of(std::size_t size, std::uint64_t seed) {
    byte_vector out(size);
    for (auto& b : out)
      b = static_cast<std::byte>((seed = seed * 6364136223846793005u + 1442695040888963407u) >> 56);
    return out;
  }
  content_ref upsert(const std::string& path, const byte_vector& bytes) {
    const chunk_list list = chunk_bytes(bytes, hash_);
    const content_ref content = content_of(list, hash_);
    bytes_[content.id] = bytes;
    lists_[content.id] = list;
    changes_.upserts.push_back({*logical_path::parse(path), {part_of(content, list)}, {}});
    return content;
  }
  announcement make() { return *make_announcement(input_, source_, hash_); }

  openssl_hasher hash_;
  asset_changes changes_;
  std::map<digest, byte_vector> bytes_;
  std::map<digest, chunk_list> lists_;
  announcer_input input_;
  announcer_source source_;
};

TEST_F(announcer, carries_head_records_and_small_bytes) {
  upsert("a", bytes_of(100, 1));
  changes_.removals.push_back(*logical_path::parse("gone"));
  input_.trace = trace_id{42};
  const announcement out = make();
  EXPECT_EQ(decode_head(out.head, hash_)->value, input_.now);
  EXPECT_TRUE(out.complete);
  ASSERT_EQ(out.upserts.size(), 1u);
  EXPECT_EQ(decode_record(out.upserts[0], hash_).value(), changes_.upserts[0]);
  EXPECT_EQ(out.removals, changes_.removals);
  ASSERT_EQ(out.chunks.size(), 1u);
  EXPECT_EQ(hash_.sha256(out.chunks[0].bytes), out.chunks[0].id);
  EXPECT_EQ(out.trace, trace_id{42});
  EXPECT_TRUE(out.lists.empty());
}

TEST_F(announcer, equal_contents_ride_once_and_empty_ones_never) {
  const auto same = bytes_of(500, 1);
  upsert("a", same);
  upsert("b", same);
  upsert("c", {});
  const announcement out = make();
  EXPECT_EQ(out.upserts.size(), 3u);
  EXPECT_EQ(out.chunks.size(), 1u);
}

TEST_F(announcer, bytes_ride_smallest_first_while_they_fit) {
  upsert("a", bytes_of(20'000, 1));
  upsert("b", bytes_of(30'000, 2));
  upsert("c", bytes_of(5'000, 3));
  const announcement out = make();
  std::vector<std::size_t> sizes;
  for (const auto& chunk : out.chunks) sizes.push_back(chunk.bytes.size());
  EXPECT_EQ(sizes, (std::vector<std::size_t>{5'000, 20'000}));
}

TEST_F(announcer, exactly_the_inline_limit_fits) {
  upsert("a", bytes_of(inline_bytes_max, 1));
  EXPECT_EQ(make().chunks.size(), 1u);
  upsert("b", bytes_of(1, 2));
  const announcement out = make();
  ASSERT_EQ(out.chunks.size(), 1u);
  EXPECT_EQ(out.chunks[0].bytes.size(), 1u);
}

TEST_F(announcer, large_contents_are_told_by_their_lists) {
  const content_ref big = upsert("big", bytes_of(400'000, 1));
  const announcement out = make();
  EXPECT_TRUE(out.chunks.empty());
  ASSERT_EQ(out.lists.size(), 1u);
  EXPECT_EQ(out.lists[0].content, big.id);
  EXPECT_EQ(content_of(out.lists[0].list, hash_), big);
}

TEST_F(announcer, what_the_store_cannot_give_is_left_out) {
  const content_ref small = upsert("small", bytes_of(10, 1));
  const content_ref big = upsert("big", bytes_of(400'000, 2));
  bytes_.erase(small.id);
  lists_.erase(big.id);
  const announcement out = make();
  EXPECT_TRUE(out.complete);
  EXPECT_TRUE(out.chunks.empty());
  EXPECT_TRUE(out.lists.empty());
}

TEST_F(announcer, bytes_of_another_length_than_named_are_not_told) {
  const content_ref small = upsert("small", bytes_of(10, 1));
  bytes_[small.id].push_back(std::byte{0});
  EXPECT_TRUE(make().chunks.empty());
}

TEST_F(announcer, more_changes_than_fit_are_told_as_none) {
  for (std::size_t i = 0; i <= announcement::entries_max; ++i) {
    changes_.removals.push_back(*logical_path::parse(fmt::format("f{:06}", i)));
  }
  upsert("a", bytes_of(10, 1));
  const announcement out = make();
  EXPECT_FALSE(out.complete);
  EXPECT_TRUE(out.upserts.empty());
  EXPECT_TRUE(out.removals.empty());
  EXPECT_EQ(out.chunks.size(), 1u);  // it is wanted all the same
  changes_.removals.pop_back();
  EXPECT_TRUE(make().complete);
}

TEST_F(announcer, a_message_never_outgrows_its_limit) {
  const std::string folder(200, 'x');
  for (int i = 0; i < 6000; ++i)
    upsert(fmt::format("{}/{:06}", folder, i), bytes_of(40, static_cast<std::uint64_t>(i)));
  for (int i = 0; i < 60; ++i)
    upsert(fmt::format("z{:06}", i), bytes_of(200'000, static_cast<std::uint64_t>(i)));
  const announcement out = make();
  std::size_t bytes = out.head.size();
  for (const auto& record : out.upserts) bytes += record.size();
  for (const auto& list : out.lists) bytes += 36 * list.list.chunks.size();
  for (const auto& chunk : out.chunks) bytes += chunk.bytes.size();
  EXPECT_LT(bytes, announcement::message_bytes_max);
  EXPECT_LE(out.chunks.size(), announcement::chunks_max);
}

TEST_F(announcer, a_list_too_long_to_tell_is_left_out_and_others_are_not) {
  const content_ref big = upsert("big", bytes_of(300'000, 1));
  const content_ref huge{digest{}, 8'000'000'000};
  lists_[huge.id].chunks.assign(announcement::listed_chunks_max + 1, chunk_ref{digest{}, 64});
  changes_.upserts.push_back({*logical_path::parse("huge"), {asset_part{huge, part_codec::raw, {}}}, {}});
  const announcement out = make();
  ASSERT_EQ(out.lists.size(), 1u);
  EXPECT_EQ(out.lists[0].content, big.id);
}

TEST_F(announcer, a_head_that_cannot_be_told_is_an_error) {
  input_.now.channel = "../evil";
  const auto out = make_announcement(input_, source_, hash_);
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, errc::invalid_argument);
}

TEST_F(announcer, a_heartbeat_record_expires_only_where_told_to) {
  const channel_state forever = *make_channel_state(input_.now, {}, 1000, duration::zero());
  EXPECT_EQ(forever.expires_unix_ns, 0);
  EXPECT_EQ(forever.sequence, input_.now.sequence);
  EXPECT_EQ(make_channel_state(input_.now, {}, 1000, duration(500))->expires_unix_ns, 1500);
}

}  // namespace
}  // namespace graphite
