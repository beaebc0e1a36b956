#pragma once

#include <variant>

#include "bundle/asset.hpp"
#include "core/error.hpp"
#include "core/ports/hasher.hpp"

/// \file The digested bytes of the index: leaf pages, inner pages and record blobs. Pure.
///
/// The index is a radix tree over asset_id, four bits a level from the top. A subtree is one leaf page
/// while that page's encoding is at most page_bytes_max, else an inner page. What is encoded here holds no
/// place in any file, so equal content has equal pages everywhere. docs/formats/bundle.md has every byte.

namespace graphite {

inline constexpr std::size_t page_bytes_max = 4 * KiB;
/// An entry's body (parts and references) over this size is a record blob of its own, so that one entry
/// always fits a page.
inline constexpr std::size_t record_inline_bytes_max = 1024;
/// Of a record blob: 64 parts and 4,096 references need less.
inline constexpr std::size_t record_bytes_max = 48 * KiB;
/// Nibbles of an asset_id; a page at this depth holds one asset.
inline constexpr unsigned index_depth_max = 16;
inline constexpr std::size_t page_header_bytes = 8;

enum class page_kind : std::uint8_t {
  leaf = 1,
  inner = 2,
  record = 3,  ///< a body that is not inline: not a page of the tree, but stored and fetched like one
};

/// Which child of a page at `depth` leads to `id`: 0 … 15.
constexpr unsigned slot_of(asset_id id, unsigned depth) { return (id.value >> (60 - 4 * depth)) & 15; }
/// Whether the first `depth` nibbles of both are equal.
constexpr bool same_prefix(std::uint64_t a, std::uint64_t b, unsigned depth) {
  return depth == 0 || (a ^ b) >> (64 - 4 * depth) == 0;
}

/// One asset in a leaf page; views into the page's bytes.
struct leaf_entry {
  asset_id id;
  std::string_view path;
  byte_span encoded;      ///< the whole entry
  bool external = false;  ///< the body is a record blob
  byte_span body;         ///< inline bodies
  digest record;          ///< external ones
  std::uint32_t body_bytes = 0;
};

struct leaf_page {
  unsigned depth = 0;
  std::vector<std::uint16_t> offsets;  ///< of the entries, ascending by asset_id
};

/// What an inner page says of one child.
struct inner_child {
  unsigned slot = 0;
  std::uint64_t assets = 0;       ///< in the child's subtree
  std::uint64_t entry_bytes = 0;  ///< sum of their encoded entries: tells when the subtree fits one leaf
  digest id;
  auto operator<=>(const inner_child&) const = default;
};

struct inner_page {
  unsigned depth = 0;
  std::vector<inner_child> children;  ///< ascending by slot
};

/// An asset ready for a leaf.
struct encoded_asset {
  byte_vector entry;
  byte_vector record;  ///< the body, where it is external
  digest record_id;    ///< zero where it is inline
};

/// A part of content that has these chunks.
asset_part part_of(const content_ref& content, const chunk_list& chunks, part_codec codec = part_codec::raw);

/// Errors: invalid_argument (no parts, references not ascending, only_chunk that does not belong to
/// content), too_large (parts_max, references_max).
result<void> check_record(const asset_record& record, const hasher& hash);
/// Bytes of the entry that encode_asset would make of a checked record. O(1).
std::size_t entry_bytes(const asset_record& record);
/// `record` was checked (invariant: it is within the limits).
encoded_asset encode_asset(const asset_record& record, const hasher& hash);

/// The asset of a validated entry; `body` is entry.body, or the record blob's bytes (whose digest the
/// caller has checked). Errors: corrupt.
result<asset_record> decode_asset(const leaf_entry& entry, byte_span body, const hasher& hash);
/// The parts of a body alone, in order. Errors: corrupt.
result<std::vector<asset_part>> decode_parts(byte_span body, const hasher& hash);
/// How many parts a body lists, without looking further. Errors: corrupt.
result<std::size_t> count_parts(byte_span body);

/// `entries` ascending by asset_id; header and entries are at most page_bytes_max.
byte_vector encode_leaf(unsigned depth, const std::vector<byte_span>& entries);
byte_vector encode_inner(const inner_page& page);
inline bool fits_leaf(std::uint64_t entry_bytes) { return page_header_bytes + entry_bytes <= page_bytes_max; }

/// Which of leaf or inner `bytes` claim to be, checked strictly: order, ids that belong to the paths, one
/// prefix, canonical split, every inline body. Errors: corrupt, newer_version.
result<std::variant<leaf_page, inner_page>> decode_page(byte_span bytes);
/// The entry at one of leaf_page::offsets of the same bytes. Cheap, checks nothing again.
leaf_entry entry_at(byte_span page, std::size_t offset);

}  // namespace graphite
