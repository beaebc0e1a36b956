#pragma once

#include <functional>

#include "core/content.hpp"
#include "core/error.hpp"

/// \file How segment files are laid out. Pure; docs/formats/bundle.md says the same byte by byte.
///
/// A segment is a 64-byte file header and records one after another. A record is a 64-byte header at the
/// tail, then its data: content of 4 KiB and more begins at the next 4 KiB boundary after the header
/// (the header lies in the slack that alignment costs anyway), smaller content directly behind it. The next
/// record's header is at the next multiple of 64. So every place follows from the one before, a scan
/// finds all records without an index, and each extent is contiguous.
///
/// Writing: begin() of a streamed content writes its header as `reserved` before anything is placed
/// behind it; commit overwrites it with kind `content`. A header is 64 bytes at a multiple of 64, so it
/// never straddles a disk sector and is replaced whole. A record left `reserved` is dead space.

namespace graphite {

inline constexpr std::uint16_t segment_version = 1;
inline constexpr std::uint64_t segment_header_bytes = 64;
inline constexpr std::uint64_t segment_record_header_bytes = 64;
inline constexpr std::uint64_t extent_alignment = 4 * KiB;  ///< of content from this size on
inline constexpr std::uint64_t small_alignment = 64;        ///< of headers and smaller content
inline constexpr std::uint64_t segment_bytes_max = 256 * MiB;
/// Largest content a store takes; larger ones are refused with too_large.
inline constexpr std::uint64_t content_bytes_max = 64 * GiB;
/// Zeros here mean "nothing": no segment has this number.
inline constexpr segment_id no_segment{0};

struct segment_header {
  segment_id id;
  uuid store;  ///< which store's: a file copied in from elsewhere is refused
  auto operator<=>(const segment_header&) const = default;
};

/// Exactly segment_header_bytes.
byte_vector encode_segment_header(const segment_header& header);
/// Looks at the first 64 bytes. Errors: corrupt, newer_version.
result<segment_header> decode_segment_header(byte_span file);

/// Where a content of `size` bytes goes when the records so far end at `tail`.
struct segment_place {
  std::uint64_t header_offset = 0;  ///< `tail` rounded up to 64
  std::uint64_t data_offset = 0;
  std::uint64_t end = 0;  ///< the new tail, a multiple of 64

  extent where(segment_id segment, std::uint64_t size) const { return {segment, data_offset, size}; }
};

/// `size` ≤ content_bytes_max and `tail` < 2^62, or an invariant breaks. Pure arithmetic.
segment_place next_placement(std::uint64_t tail, std::uint64_t size);
/// Whether that place stays within an ordinary segment. A content that does not fit an empty one
/// gets a file of its own.
bool fits_segment(std::uint64_t tail, std::uint64_t size);

enum class segment_record_kind : std::uint8_t {
  content = 1,   ///< committed
  reserved = 2,  ///< being written, or dead
};

struct segment_record {
  segment_record_kind kind = segment_record_kind::reserved;
  content_ref content;              ///< zero id while reserved; size is always true
  std::uint64_t data_checksum = 0;  ///< checksum64 of the data; zero while reserved
  auto operator<=>(const segment_record&) const = default;
};

/// Exactly segment_record_header_bytes; bound to its place, so bytes left from an older file are not
/// taken for a record.
byte_vector encode_segment_record(const segment_record& record, segment_id segment,
                                  std::uint64_t header_offset);
/// Looks at the first 64 bytes. Errors: not_found where they are all zero (the end), corrupt.
result<segment_record> decode_segment_record(byte_span bytes, segment_id segment,
                                             std::uint64_t header_offset);

struct scanned_record {
  segment_record record;
  segment_place place;
};

enum class scan_depth {
  headers,  ///< trusts the data
  data,     ///< also compares the data's checksum
};

enum class scan_stop {
  end,       ///< zeros, or the end of the file
  corrupt,   ///< bytes that are no record
  truncated  ///< a record whose data ends beyond the file
};

struct scan_summary {
  std::uint64_t tail = segment_header_bytes;  ///< behind the last good record: where writing goes on
  scan_stop stop = scan_stop::end;
  std::uint64_t records = 0;
  std::uint64_t bad_data = 0;  ///< records whose data failed the checksum; they are passed to nobody
};

/// Walks the records of one segment from `from` (segment_header_bytes or a tail known before).
/// `file` is the whole file from offset 0. Stops at the first bytes that are no record, never fails.
/// `visit` sees committed and reserved records in order. O(records) for headers, O(bytes) for data.
scan_summary scan_records(byte_span file, segment_id segment, std::uint64_t from, scan_depth depth,
                          const std::function<void(const scanned_record&)>& visit);

}  // namespace graphite
