#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "core/digest.hpp"
#include "core/error.hpp"

namespace graphite {

/// Replaces `path` by a file that holds exactly `bytes`: written under a temporary name in the same
/// folder, synced, renamed over it, the folder synced. A reader and a crash see the old file or the new
/// one, never a part. `durable` false leaves out both syncs: still atomic for readers, but a power cut may
/// bring the old one back. Errors: out_of_space, permission_denied, not_found, io; then the old file stands
/// and no temporary one is left. One writer of a path at a time. Blocks.
result<void> replace_file(const std::string& path, byte_span bytes, mode_t mode = 0644, bool durable = true);

/// Makes renames, creations and removals in `folder` durable. Errors: not_found, io.
result<void> sync_folder(const std::string& folder);

/// Creates `folder` and the missing ones above it, and syncs each parent. Errors: permission_denied, io.
result<void> make_folders(const std::string& folder);

/// All of a file. Errors: not_found, io; too_large over `bytes_max`.
result<std::string> read_whole_file(const std::string& path, std::uint64_t bytes_max);

/// pwrite() until all is written. Errors: out_of_space, io.
result<void> write_fully(int fd, byte_span bytes, std::uint64_t offset, std::string_view what);

/// pread() until `out` is full. Errors: io; corrupt where the file ends before.
result<void> read_fully(int fd, std::span<std::byte> out, std::uint64_t offset, std::string_view what);

}  // namespace graphite
