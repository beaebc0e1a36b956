#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/digest.hpp"
#include "core/error.hpp"

namespace graphite {

/// An entry of ZIP's central directory, checked against its local header.
struct zip_entry {
  std::string name;       ///< as it is there: any bytes; a folder's ends with `/`
  bool folder = false;    ///< by its name or its mode
  bool deflated = false;  ///< else stored
  std::uint32_t crc = 0;
  std::uint64_t size = 0;  ///< of the file
  byte_span packed;        ///< a view into the archive
};

/// An entry over this must be packed by less than zip_ratio_max.
inline constexpr std::uint64_t zip_ratio_from_bytes = 16u << 20;
inline constexpr std::uint64_t zip_ratio_max = 250;

/// The entries, in the directory's order. Pure, allocates names and entries only.
///
/// One disk, at most 65534 entries; ZIP64 sizes are taken where an entry has them. Nothing but the archive:
/// what the directory names must lie before it, no two entries share bytes, a local header must tell the
/// same as the directory. Source of the format: PKWARE's APPNOTE.TXT 6.3; of overlapping entries: D. Fifield,
/// "A better zip bomb", WOOT 2019.
/// Errors: corrupt, too_large (more than `entries_max`), unsupported (encryption, links, methods); the
/// context names the entry.
result<std::vector<zip_entry>> read_zip(byte_span archive, std::size_t entries_max);

/// The bytes of one entry; allocates entry.size, which the caller has bounded.
/// Errors: corrupt (does not unpack to what the directory says), too_large (zip_ratio_max).
result<byte_vector> unpack(const zip_entry& entry);

/// A name for messages: what cannot be shown is replaced, and what is long is cut.
std::string shown_name(std::string_view name);

}  // namespace graphite
