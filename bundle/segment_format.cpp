#include "bundle/segment_format.hpp"

#include <algorithm>

#include "bundle/byte_io.hpp"
#include "core/checksum.hpp"

namespace graphite {

namespace {

constexpr std::uint32_t segment_magic = 0x53505247;  // "GRPS"
constexpr std::uint32_t record_magic = 0x43455247;   // "GREC"
constexpr std::size_t checked_bytes = 56;            // of both headers; then the checksum

/// Different for every place of every segment.
std::uint64_t place_seed(segment_id segment, std::uint64_t offset) {
  return (std::uint64_t{segment.value} << 40) ^ offset;
}

void append_checksum(byte_vector& out, std::uint64_t seed) {
  byte_writer(out).number(checksum64(byte_span(out).first(checked_bytes), seed));
}

bool checksum_matches(byte_span header, std::uint64_t seed) {
  return byte_reader(header.subspan(checked_bytes)).number<std::uint64_t>() ==
         checksum64(header.first(checked_bytes), seed);
}

bool all_zero(byte_span bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

}  // namespace

byte_vector encode_segment_header(const segment_header& header) {
  byte_vector out;
  byte_writer to(out);
  to.number(segment_magic);
  to.number(segment_version);
  to.number(std::uint16_t{0});
  to.number(header.id.value);
  to.number(std::uint32_t{0});
  to.id(header.store);
  to.pad_to(checked_bytes);
  append_checksum(out, 0);
  return out;
}

result<segment_header> decode_segment_header(byte_span file) {
  if (file.size() < segment_header_bytes) return fail(errc::corrupt, "a segment is shorter than its header");
  const auto header = file.first(segment_header_bytes);
  byte_reader from(header);
  if (from.number<std::uint32_t>() != segment_magic) return fail(errc::corrupt, "not a segment: wrong magic");
  const auto version = from.number<std::uint16_t>();
  if (!checksum_matches(header, 0)) return fail(errc::corrupt, "a segment's header fails its checksum");
  if (version > segment_version) return fail(errc::newer_version, "a segment was written by a newer version");
  const bool flags_zero = from.zeros(2);
  segment_header out{segment_id{from.number<std::uint32_t>()}, {}};
  const bool gap_zero = from.zeros(4);
  out.store = from.unique_id();
  if (version != segment_version || !flags_zero || !gap_zero || !from.zeros(24) || out.id == no_segment)
    return fail(errc::corrupt, "a segment's header has impossible fields");
  return out;
}

segment_place next_placement(std::uint64_t tail, std::uint64_t size) {
  GRAPHITE_INVARIANT(size <= content_bytes_max && tail < std::uint64_t{1} << 62);
  segment_place out;
  out.header_offset = align_up(std::max(tail, segment_header_bytes), small_alignment);
  const auto behind = out.header_offset + segment_record_header_bytes;
  out.data_offset = size >= extent_alignment ? align_up(behind, extent_alignment) : behind;
  out.end = align_up(out.data_offset + size, small_alignment);
  return out;
}

bool fits_segment(std::uint64_t tail, std::uint64_t size) {
  return size <= segment_bytes_max && next_placement(tail, size).end <= segment_bytes_max;
}

byte_vector encode_segment_record(const segment_record& record, segment_id segment,
                                  std::uint64_t header_offset) {
  byte_vector out;
  byte_writer to(out);
  to.number(record_magic);
  to.number(static_cast<std::uint8_t>(record.kind));
  to.zeros(3);
  to.number(record.content.size);
  to.id(record.content.id);
  to.number(record.data_checksum);
  append_checksum(out, place_seed(segment, header_offset));
  return out;
}

result<segment_record> decode_segment_record(byte_span bytes, segment_id segment,
                                             std::uint64_t header_offset) {
  if (bytes.size() < segment_record_header_bytes) return fail(errc::corrupt, "a record's header is cut off");
  const auto header = bytes.first(segment_record_header_bytes);
  if (all_zero(header)) return fail(errc::not_found, "no record here");
  byte_reader from(header);
  const auto magic = from.number<std::uint32_t>();
  segment_record out;
  const auto kind = from.number<std::uint8_t>();
  out.kind = static_cast<segment_record_kind>(kind);
  const bool gap_zero = from.zeros(3);
  out.content.size = from.number<std::uint64_t>();
  out.content.id = from.id();
  out.data_checksum = from.number<std::uint64_t>();
  if (magic != record_magic || !checksum_matches(header, place_seed(segment, header_offset)))
    return fail(errc::corrupt, "bytes that are no record");
  const bool reserved = out.kind == segment_record_kind::reserved;
  if (kind < 1 || kind > 2 || !gap_zero || out.content.size > content_bytes_max ||
      reserved != out.content.id.is_zero() || (reserved && out.data_checksum != 0))
    return fail(errc::corrupt, "a record has impossible fields");
  return out;
}

scan_summary scan_records(byte_span file, segment_id segment, std::uint64_t from, scan_depth depth,
                          const std::function<void(const scanned_record&)>& visit) {
  scan_summary out;
  out.tail = align_up(std::max(from, segment_header_bytes), small_alignment);
  while (out.tail < file.size()) {
    const auto record = decode_segment_record(file.subspan(out.tail), segment, out.tail);
    if (!record) {
      // A few zero bytes at the end are a file that was cut inside its preallocated part.
      const bool zeros = record.error().code == errc::not_found ||
                         all_zero(file.subspan(out.tail).first(
                             std::min<std::size_t>(file.size() - out.tail, segment_record_header_bytes)));
      out.stop = zeros ? scan_stop::end : scan_stop::corrupt;
      return out;
    }
    const auto place = next_placement(out.tail, record->content.size);
    if (place.data_offset + record->content.size > file.size()) {
      out.stop = scan_stop::truncated;
      return out;
    }
    const auto data = file.subspan(place.data_offset, record->content.size);
    const bool check = depth == scan_depth::data && record->kind == segment_record_kind::content;
    if (check && checksum64(data) != record->data_checksum)
      ++out.bad_data;
    else
      visit({*record, place});
    ++out.records;
    out.tail = place.end;
  }
  return out;
}

}  // namespace graphite
