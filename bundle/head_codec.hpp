#pragma once

#include "bundle/head.hpp"
#include "bundle/page_source.hpp"

/// \file The file `head` of a bundle, and the side object that it names. Pure.

namespace graphite {

/// Of heads without a signature, and of those with one: programs that know of none refuse these.
inline constexpr std::uint16_t head_version = 1, signed_head_version = 2;
inline constexpr std::size_t head_file_bytes = 1024;
/// The part that is the same at every holder; what a signature covers.
inline constexpr std::size_t head_shared_bytes = 256;
/// For what runtime/head_gate checks: the key's statement and the signature, with their length in front;
/// zeros in version 1.
inline constexpr std::size_t signature_block_bytes = 512,
                             head_signature_bytes_max = signature_block_bytes - 2;
inline constexpr std::size_t page_files_max = 32;
/// Side objects over this size are refused.
inline constexpr std::size_t behind_bytes_max = 6 * MiB;
inline constexpr std::size_t behind_message_bytes_max = 4 * KiB;

/// A head with what only its holder's folder knows.
struct head_file {
  head value;
  page_location root;                     ///< of the root page
  extent behind;                          ///< of the side object; zeros: none, or not held here
  std::vector<std::uint32_t> page_files;  ///< numbers of the page files the index lies in, ascending
  byte_vector signature{};                ///< not looked at here; empty: there is none
  auto operator<=>(const head_file&) const = default;
};

/// Exactly head_file_bytes, magic GRPH first. Errors: invalid_argument (channel name), too_large (page files,
/// signature).
result<byte_vector> encode_head(const head_file& from, const hasher& hash);
/// Strict. Errors: corrupt; newer_version where only the version is beyond ours; unsupported where the flag
/// `decode_on_load` is set, which is reserved for a later program.
result<head_file> decode_head(byte_span file, const hasher& hash);

/// The side object. At most behind_list::listed_max entries, messages cut at 4 KiB.
byte_vector encode_behind(const behind_list& from);
/// Strict. Errors: corrupt, newer_version, too_large.
result<behind_list> decode_behind(byte_span bytes);

/// The name of page file `number` in a bundle's folder: "pages-0000002a".
std::string page_file_name(std::uint32_t number);
/// The name of a segment file in its folder: "segment-0000002a".
std::string segment_file_name(segment_id segment);

}  // namespace graphite
