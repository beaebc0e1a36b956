#pragma once

#include "core/content.hpp"
#include "core/error.hpp"
#include "core/ports/hasher.hpp"

/// \file The canonical encoding of chunk lists, whose digest names a content. Pure.
///
/// A list up to list_bytes_max is one blob, level 0: header and entries. A longer one is chunked in
/// turn: its entries' bytes are cut like any content, the pieces are *sub-lists* (blobs addressed by their
/// SHA-256), and the blob that names the content, level 1, lists the pieces.

namespace graphite {

inline constexpr std::size_t list_header_bytes = 16;
inline constexpr std::size_t list_entry_bytes = 36;
inline constexpr std::size_t list_bytes_max = 64 * KiB;
/// Of a level-1 blob; enough for the worst cuts of the largest content (64 GiB).
inline constexpr std::uint32_t sub_lists_max = 16 * 1024;

/// A chunk list as blobs.
struct encoded_chunk_list {
  content_ref content;  ///< id = SHA-256 of `top`
  byte_vector top;
  chunk_list sub_lists;  ///< empty at level 0
  byte_vector entries;   ///< level 1: the sub-lists' bytes one after another
};

/// The first blob of a list, decoded.
struct top_list {
  int level = 0;
  std::uint64_t content_bytes = 0;
  chunk_list entries;  ///< level 0: the content's chunks; level 1: the sub-lists to get
};

/// `list` must be one that the chunker could have made (invariant: see decode).
encoded_chunk_list encode_chunk_list(const chunk_list& list, const hasher& hash);

/// Name and size of the content that has these chunks. As encode_chunk_list, without keeping the blobs.
content_ref content_of(const chunk_list& list, const hasher& hash);
/// The same for content of 1 … single_chunk_bytes_max bytes: its list follows from its only chunk.
content_ref content_of(const chunk_ref& only, const hasher& hash);
/// The name of no bytes.
content_ref empty_content(const hasher& hash);

/// Strict: canonical level, sizes, sum; at most content_bytes_max. Does not check the digest.
/// Errors: corrupt, newer_version, too_large.
result<top_list> decode_top_list(byte_span top);

/// The whole list of `content`. `sub_lists` are the level-1 blob's pieces in order (empty at level 0).
/// Checks every digest. Errors: corrupt, newer_version, too_large.
result<chunk_list> decode_chunk_list(const content_ref& content, byte_span top,
                                     const std::vector<byte_span>& sub_lists, const hasher& hash);

/// Checks what decode would: sizes in range, canonical. Errors: corrupt, too_large.
result<void> check_chunk_list(const chunk_list& list);

}  // namespace graphite
