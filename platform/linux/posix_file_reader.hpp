#pragma once

#include <sys/stat.h>

#include <memory>
#include <string>

#include "core/ports/file_reader.hpp"
#include "platform/linux/owned_fd.hpp"

namespace graphite {

/// Reads regular files below one folder by openat2(RESOLVE_BENEATH), or component by component where the
/// kernel or a container's filter lacks that. Absolute links are followed where they end inside the root.
/// Never blocks on FIFOs, never opens devices. Thread-safe: no state but the folder's descriptor.
class posix_file_reader final : public file_reader {
 public:
  /// Errors: not_found, permission_denied, io.
  static result<std::unique_ptr<posix_file_reader>> open_root(const std::string& root);

  /// Of the file a link ends at. `kind` tells folders and special files; only regular files can be opened.
  result<file_info> info(const logical_path& path) const override;
  /// Errors also: invalid_argument where it is no regular file.
  result<std::unique_ptr<open_file>> open(const logical_path& path) const override;
  /// Tries a read lease: needs the file's owner or CAP_LEASE and a file system with leases (not NFS);
  /// false where that is missing or the file is gone. Nobody who opens the file meanwhile is refused
  /// unless with O_NONBLOCK.
  bool open_for_writing(const logical_path& path) const override;

 private:
  explicit posix_file_reader(owned_fd root) : root_(std::move(root)) {}
  owned_fd root_;
};

/// Translates a stat result. `checked_ns` is CLOCK_REALTIME_COARSE from before the stat: the clock the
/// kernel stamps files with. Trusted where mtime and ctime lie at least two of its ticks (and 10 ms) earlier.
file_info make_file_info(const struct ::stat& raw, std::int64_t checked_ns);
/// CLOCK_REALTIME_COARSE in ns.
std::int64_t coarse_now_ns();

}  // namespace graphite
