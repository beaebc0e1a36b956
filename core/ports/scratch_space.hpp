#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/digest.hpp"
#include "core/error.hpp"
#include "core/logical_path.hpp"
#include "core/ports/file_reader.hpp"

namespace graphite {

/// One thing below a scratch folder.
struct scratch_entry {
  std::string path;  ///< relative, as the file system names it: may be no logical path
  file_kind kind = file_kind::regular;
  std::uint64_t size = 0;
};

/// What is known of an attempt before it runs.
struct scratch_need {
  std::uint64_t input_bytes = 0;  ///< of all files that will be placed
  bool roomy = false;             ///< it has outgrown a small folder, or will: only the disk will do
};

/// One attempt's private folder, removed with all in it by the destructor. One thread.
///
/// Nothing outside it is ever touched: links found in it are reported, never followed.
class scratch_folder {
 public:
  /// Receives one new file, in order. Closed by its destructor; a failed write() leaves rubbish that goes
  /// with the folder.
  class file_writer {
   public:
    virtual ~file_writer() = default;
    /// Errors: out_of_space, io.
    virtual result<void> write(byte_span bytes) = 0;
  };

  virtual ~scratch_folder() = default;
  /// Absolute; what a tool gets as its working folder.
  virtual const std::string& path() const = 0;
  /// Absolute, beside path(): for the tool's own temporary files, never listed.
  virtual const std::string& temporary_path() const = 0;
  /// Zero where the folder holds what the disk holds. Else it is a small one: no file in it may reach this
  /// size, and an attempt that comes near or finds short_of_space() is run again in a roomy one.
  virtual std::uint64_t file_bytes_max() const { return 0; }
  /// Whether a small folder has next to no space left; what was written in it may be cut short.
  virtual bool short_of_space() const { return false; }
  /// Makes a new file and the folders above it. Errors: already_exists, out_of_space, io.
  virtual result<std::unique_ptr<file_writer>> create(const logical_path& path) = 0;
  /// Makes the folder of `path` and those above it. Errors: out_of_space, io.
  virtual result<void> create_folder_of(const logical_path& path) = 0;
  /// Everything but folders, ascending by path; too_large beyond `entries_max`. Errors: io.
  virtual result<std::vector<scratch_entry>> list(std::size_t entries_max) const = 0;
  /// Opens a regular file. Errors: not_found, invalid_argument (a link or special), io.
  virtual result<std::unique_ptr<open_file>> open(const logical_path& path) const = 0;
};

/// Makes scratch folders. Thread-safe.
class scratch_space {
 public:
  virtual ~scratch_space() = default;
  /// An empty folder. Errors: out_of_space, io, busy (over the space's bound).
  virtual result<std::unique_ptr<scratch_folder>> create(const scratch_need& need) = 0;
  result<std::unique_ptr<scratch_folder>> create() { return create(scratch_need{}); }
};

}  // namespace graphite
