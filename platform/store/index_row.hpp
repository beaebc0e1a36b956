#pragma once

#include <string>
#include <string_view>

#include "core/ports/chunk_store.hpp"

/// \file The store's rows: contents in table::chunk_index, segments in table::meta. Strict and bounded;
/// docs/formats/store.md says the same byte by byte. Pure.

namespace graphite {

/// What the metadata says of one segment file.
struct segment_row {
  bool sealed = false;
  std::uint64_t mark = 0;  ///< records that begin below have their rows; sealed: the end of the last one
  auto operator<=>(const segment_row&) const = default;
};

/// The content's digest, as the key of its row.
std::string index_key(const digest& content);

/// `content.where` is set (invariant).
std::string encode_index_row(const stored_content& content);
/// Errors: corrupt, newer_version, too_large.
result<stored_content> decode_index_row(const digest& content, std::string_view row);

inline constexpr std::string_view segment_row_prefix = "store/segment/";
inline constexpr std::string_view store_id_key = "store/id";
inline constexpr std::string_view next_segment_key = "store/next";
inline constexpr std::string_view spare_segment_key = "store/spare";

std::string segment_row_key(segment_id id);
/// Nothing where `key` is not one of segment_row_key().
std::optional<segment_id> segment_of_row_key(std::string_view key);
std::string encode_segment_row(const segment_row& row);
/// Errors: corrupt, newer_version.
result<segment_row> decode_segment_row(std::string_view row);

/// The inverse of segment_file_name() (bundle/head_codec.hpp).
std::optional<segment_id> segment_of_file_name(std::string_view name);

}  // namespace graphite
