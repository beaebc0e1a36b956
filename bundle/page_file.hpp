#pragma once

#include <functional>
#include <unordered_map>

#include "bundle/index_tree.hpp"

/// \file How page files are laid out: a 64-byte header, then one record a page, appended only. Pure.
///
/// A record is a 64-byte header, the page's digested bytes, then its local pointers: where the pages
/// below lie and in which extents the parts are. The pointers are under the record's checksum but not
/// under the page's digest: they differ from machine to machine.

namespace graphite {

inline constexpr std::uint16_t page_file_version = 1;
inline constexpr std::uint64_t page_file_header_bytes = 64;
inline constexpr std::uint64_t page_record_header_bytes = 64;
inline constexpr std::uint32_t page_record_magic = 0x45474150;  ///< "PAGE"
/// Of an extent beside a page.
inline constexpr std::size_t encoded_extent_bytes = 24;

/// Exactly page_file_header_bytes. `number` is 1 … page_location::file_max.
byte_vector encode_page_file_header(std::uint32_t number);
/// The file's number. Errors: corrupt, newer_version.
result<std::uint32_t> decode_page_file_header(byte_span file);

/// Where a content lies here; nothing (or a null function): not known, then a reader must ask the store.
using extent_lookup = std::function<std::optional<extent>(const content_ref& content)>;

/// Pages as bytes to append to a page file, with where each will be.
struct page_batch {
  byte_vector bytes;
  std::vector<std::pair<index_tree::node_ptr, page_location>> pages;

  /// Tells the nodes where they are, once the bytes are written.
  void mark_written() const {
    for (const auto& [node, where] : pages) node->set_location(where);
  }
};

/// Where pages lie, by their digests.
using page_places = std::unordered_map<digest, page_location>;

/// Lays pages out one after another. Remembers where each went (about 100 bytes a page), not the pages.
class page_encoder {
 public:
  enum class links {
    may_lie_elsewhere,  ///< a page below that was not added keeps the location its node has
    all_added           ///< every page below must have been added: the file is self-contained
  };

  /// The first record goes to `tail` of file `file`: a multiple of 8, at least page_file_header_bytes.
  page_encoder(std::uint32_t file, std::uint64_t tail, links mode, extent_lookup find, const hasher& hash);

  /// Where the page is now; one that was added before is not written again. Children come before parents.
  /// Errors: invalid_argument where a link's location is not known; too_large where the file is full.
  result<page_location> add(const index_node& node);
  /// The bytes since the last call, to be appended.
  byte_vector take_bytes();
  std::uint64_t tail() const { return tail_; }
  /// Whether the page was added, and so all below it.
  bool has(const digest& page) const { return placed_.contains(page); }
  /// Where each page went; the encoder is done.
  page_places take_places() { return std::move(placed_); }

 private:
  result<byte_vector> encode_body(const index_node& node, const std::vector<asset_part>& parts) const;

  std::uint32_t file_;
  std::uint64_t tail_;
  links mode_;
  extent_lookup find_;
  const hasher* hash_;
  byte_vector out_;
  page_places placed_;
};

/// Lays out `pages` (children before parents, as unwritten_pages() gives them) behind `tail` bytes of file
/// `file`. Errors: those of page_encoder::add.
result<page_batch> encode_pages(const std::vector<index_tree::node_ptr>& pages, std::uint32_t file,
                                std::uint64_t tail, const extent_lookup& find, const hasher& hash);

/// One page of a mapped file.
struct page_record {
  digest id;
  page_kind kind = page_kind::leaf;
  stored_page page;       ///< bytes lie in the mapping
  std::uint64_t end = 0;  ///< where the next record begins
};

/// The record at `offset` of the whole file. Checks bounds and the record's checksum (not the digest).
/// Errors: not_found (zeros or the end of the file), corrupt.
result<page_record> decode_page_record(byte_span file, std::uint32_t number, std::uint64_t offset);

/// What a page_source over mapped files answers: the record at `where` of the whole file, if it is `id`'s.
/// Errors: those of decode_page_record; corrupt where another page lies there.
result<stored_page> page_at(byte_span file, page_location where, const digest& id);

/// Walks the records from `from` to the first bytes that are none; returns the tail to append at.
std::uint64_t scan_pages(byte_span file, std::uint32_t number, std::uint64_t from,
                         const std::function<void(std::uint64_t offset, const page_record&)>& visit);

}  // namespace graphite
