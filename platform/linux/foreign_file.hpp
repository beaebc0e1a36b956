#pragma once

#include <string>

#include "core/digest.hpp"
#include "core/error.hpp"

namespace graphite {

/// Replaces the regular file at `path`, or makes it, by one that holds exactly `bytes`, durably: as
/// replace_file() does, but for folders that are not this program's. So the temporary name is taken by
/// nobody (".graphite-", 16 digits, ".tmp"), any number of threads and processes may replace one path at
/// once, of whom the last one's file stays, links are followed and stay, and the file keeps the permissions
/// of the one before it (a new one has what the umask leaves of 0666); its owner is this process's. A crash
/// may leave the temporary file. Errors: invalid_argument (no regular file, or a name that is too long),
/// not_found (no such folder; a link that leads nowhere), permission_denied, out_of_space, too_large, io.
/// After an error the old file stands and no temporary one is left; but where syncing the folder fails the
/// new one stands, and a crash may bring the old one back: then the context says so. Blocks.
result<void> replace_foreign_file(const std::string& path, byte_span bytes);

}  // namespace graphite
