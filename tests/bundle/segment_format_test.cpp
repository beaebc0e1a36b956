#include "bundle/segment_format.hpp"

#include <gtest/gtest.h>

#include "core/checksum.hpp"
#include "tests/bundle/support.hpp"

namespace graphite {
namespace {

using test::random_bytes;
using test::sha;

constexpr segment_id number{7};

/// A segment in memory, written as a store does.
struct segment_image {
  byte_vector bytes = encode_segment_header({number, {}});
  std::uint64_t tail = segment_header_bytes;
  std::vector<scanned_record> written;

  void add(byte_span data, segment_record_kind kind = segment_record_kind::content) {
    const auto place = next_placement(tail, data.size());
    segment_record record{kind, {{}, data.size()}, 0};
    if (kind == segment_record_kind::content) {
      record.content.id = sha().sha256(data);
      record.data_checksum = checksum64(data);
    }
    bytes.resize(place.end);
    const auto header = encode_segment_record(record, number, place.header_offset);
    std::copy(header.begin(), header.end(), bytes.begin() + static_cast<std::ptrdiff_t>(place.header_offset));
    std::copy(data.begin(), data.end(), bytes.begin() + static_cast<std::ptrdiff_t>(place.data_offset));
    tail = place.end;
    written.push_back({record, place});
  }
};

std::pair<scan_summary, std::vector<scanned_record>> scan(byte_span bytes,
                                                          scan_depth depth = scan_depth::data) {
  std::vector<scanned_record> seen;
  const auto summary = scan_records(bytes, number, segment_header_bytes, depth,
                                    [&](const scanned_record& record) { seen.push_back(record); });
  return {summary, seen};
}

segment_image sample() {
  segment_image image;
  for (std::size_t size : {100ul, 5000ul, 0ul, 4096ul, 65'536ul, 64ul, 4095ul})
    image.add(random_bytes(size, size));
  return image;
}

/// As sample(), small enough for a scan a byte.
segment_image small_sample() {
  segment_image image;
  for (std::size_t size : {100ul, 4096ul, 0ul, 64ul, 1ul, 63ul}) image.add(random_bytes(size, size));
  return image;
}

TEST(segment_format, large_content_lies_on_4_kib_and_small_on_64) {
  std::uint64_t tail = segment_header_bytes;
  for (std::uint64_t size : {1ul, 4095ul, 4096ul, 4097ul, 64ul, 1'000'000ul, 0ul, 8192ul}) {
    const auto place = next_placement(tail, size);
    EXPECT_GE(place.header_offset, tail);
    EXPECT_GE(place.data_offset, place.header_offset + segment_record_header_bytes);
    EXPECT_EQ(place.header_offset % 64, 0u);
    EXPECT_EQ(place.data_offset % (size >= 4096 ? 4096 : 64), 0u);
    EXPECT_GE(place.end, place.data_offset + size);
    tail = place.end;
  }
}

TEST(segment_format, fits_until_the_segment_is_full) {
  EXPECT_TRUE(fits_segment(segment_header_bytes, 255 * MiB));
  EXPECT_FALSE(fits_segment(segment_header_bytes, segment_bytes_max));
  EXPECT_FALSE(fits_segment(200 * MiB, 60 * MiB));
  EXPECT_FALSE(fits_segment(segment_header_bytes, 5 * GiB));
}

TEST(segment_format, header_round_trips_and_every_flip_fails) {
  const segment_header header{number, {{1, 2, 3}}};
  const auto bytes = encode_segment_header(header);
  ASSERT_EQ(bytes.size(), segment_header_bytes);
  EXPECT_EQ(*decode_segment_header(bytes), header);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    auto bad = bytes;
    bad[at] ^= std::byte{1};
    EXPECT_FALSE(decode_segment_header(bad)) << at;
    EXPECT_FALSE(decode_segment_header(byte_span(bytes).first(at))) << at;
  }
}

TEST(segment_format, a_scan_finds_every_record) {
  auto image = sample();
  image.bytes.resize(image.bytes.size() + 10'000);  // preallocated
  const auto [summary, seen] = scan(image.bytes);
  EXPECT_EQ(summary.stop, scan_stop::end);
  EXPECT_EQ(summary.tail, image.tail);
  ASSERT_EQ(seen.size(), image.written.size());
  for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i].record, image.written[i].record);
}

TEST(segment_format, a_reserved_record_is_stepped_over) {
  segment_image image;
  image.add(random_bytes(10'000, 1), segment_record_kind::reserved);
  image.add(random_bytes(100, 2));
  const auto [summary, seen] = scan(image.bytes);
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0].record.kind, segment_record_kind::reserved);
  EXPECT_EQ(seen[1].record.kind, segment_record_kind::content);
}

/// What a scan of a damaged copy must still find: the first records of `image`, or all but one.
void expect_found(const segment_image& image, byte_span bytes, const std::vector<std::size_t>& records,
                  std::uint64_t damaged) {
  const auto seen = scan(bytes).second;
  ASSERT_EQ(seen.size(), records.size()) << damaged;
  for (std::size_t i = 0; i < seen.size(); ++i)
    ASSERT_EQ(seen[i].record, image.written[records[i]].record) << damaged;
}

TEST(segment_format, every_truncation_keeps_exactly_the_whole_records_before_it) {
  const auto image = small_sample();
  for (std::size_t size = 0; size < image.bytes.size(); ++size) {
    std::vector<std::size_t> whole;
    for (std::size_t i = 0; i < image.written.size(); ++i) {
      const auto& [record, place] = image.written[i];
      const bool there = place.header_offset + segment_record_header_bytes <= size &&
                         place.data_offset + record.content.size <= size;
      if (there) whole.push_back(i);
    }
    expect_found(image, byte_span(image.bytes).first(size), whole, size);
  }
}

// A byte of a record's header ends the scan in front of it, one of its data hides it alone. Nothing else may
// lie between the file's header and the tail but the zeros in front of aligned data and behind data.
TEST(segment_format, every_flipped_byte_of_a_record_hides_it_and_only_padding_is_dead) {
  auto image = small_sample();
  enum : std::uint8_t { padding, header, data };
  std::vector<std::pair<std::uint8_t, std::size_t>> owner(image.bytes.size());
  for (std::size_t i = 0; i < image.written.size(); ++i) {
    const auto& [record, place] = image.written[i];
    for (std::size_t at = 0; at < segment_record_header_bytes; ++at)
      owner[place.header_offset + at] = {header, i};
    for (std::size_t at = 0; at < record.content.size; ++at) owner[place.data_offset + at] = {data, i};
  }
  for (std::size_t at = segment_header_bytes; at < image.bytes.size(); ++at) {
    const auto [kind, record] = owner[at];
    std::vector<std::size_t> left;
    for (std::size_t i = 0; i < image.written.size(); ++i)
      if (kind == padding || i < record || (kind == data && i != record)) left.push_back(i);
    if (kind == padding) {
      ASSERT_EQ(image.bytes[at], std::byte{0}) << at;
    }
    image.bytes[at] ^= std::byte{0x10};
    expect_found(image, image.bytes, left, at);
    image.bytes[at] ^= std::byte{0x10};
  }
}

TEST(segment_format, a_record_counts_only_at_its_place) {
  const segment_record record{segment_record_kind::content, {sha().sha256({}), 10}, 5};
  const auto bytes = encode_segment_record(record, number, 128);
  EXPECT_TRUE(decode_segment_record(bytes, number, 128));
  EXPECT_EQ(decode_segment_record(bytes, number, 192).error().code, errc::corrupt);
  EXPECT_EQ(decode_segment_record(bytes, segment_id{8}, 128).error().code, errc::corrupt);
  EXPECT_EQ(decode_segment_record(byte_vector(64), number, 128).error().code, errc::not_found);
}

}  // namespace
}  // namespace graphite
