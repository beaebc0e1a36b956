#pragma once

#include <cstdint>

#include "core/tls_files.hpp"

namespace graphite {

/// PEM files of certificates and keys over this size are none of ours.
inline constexpr std::size_t tls_file_bytes_max = 64 * 1024;

/// Whether the files are what a connection needs at `unix_ns`: each is a regular file and PEM, the key is for
/// this user alone (0600) and without a passphrase, it belongs to the first certificate, which the authority
/// has signed, for both ends of a connection, and which has begun and not ended. Whoever connects may ask for
/// them again later: replace them by renaming.
///
/// Errors: invalid_argument (a file is not named), not_found, permission_denied (the key may be read by
/// others, the certificate is not the authority's, or not valid at this time), corrupt (not PEM, or the key
/// is another's), too_large, io. The text has paths, never what a file holds.
result<void> check_tls_files(const tls_files& files, std::int64_t unix_ns);

}  // namespace graphite
