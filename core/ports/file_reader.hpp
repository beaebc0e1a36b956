#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/digest.hpp"
#include "core/error.hpp"
#include "core/logical_path.hpp"

namespace graphite {

/// What stat says of a file; two equal signatures mean "unchanged" only where mtime and ctime lie at
/// least one clock tick before the check (`trusted`), because a later write could fall in the same tick.
struct stat_signature {
  std::uint64_t device = 0, inode = 0, size = 0;
  std::int64_t mtime_ns = 0, ctime_ns = 0;
  bool trusted = false;

  bool same_file_state(const stat_signature& other) const {
    return device == other.device && inode == other.inode && size == other.size &&
           mtime_ns == other.mtime_ns && ctime_ns == other.ctime_ns;
  }
};

enum class file_kind { regular, folder, link, special };

struct file_info {
  file_kind kind = file_kind::regular;
  stat_signature signature;
};

/// One open regular file. One thread.
class open_file {
 public:
  virtual ~open_file() = default;
  /// State now, of the opened file.
  virtual result<file_info> info() const = 0;
  /// Bytes read, 0 at the end. Errors: io.
  virtual result<std::size_t> read(std::span<std::byte> out) = 0;
};

/// Reads until `out` is full or the file ends. Bytes read. Errors: io.
inline result<std::size_t> read_full(open_file& file, std::span<std::byte> out) {
  std::size_t have = 0;
  while (have < out.size()) {
    GRAPHITE_TRY(const std::size_t got, file.read(out.subspan(have)));
    if (got == 0) break;
    have += got;
  }
  return have;
}

/// Reads below one root folder, never outside it: links are followed only while they stay inside.
/// Thread-safe.
class file_reader {
 public:
  virtual ~file_reader() = default;
  /// Errors: not_found, permission_denied, io; invalid_argument where a link leaves the root.
  virtual result<file_info> info(const logical_path& path) const = 0;
  virtual result<std::unique_ptr<open_file>> open(const logical_path& path) const = 0;
  /// True while some process has the file open for writing; false where the system cannot tell.
  virtual bool open_for_writing(const logical_path& path) const = 0;
};

}  // namespace graphite
