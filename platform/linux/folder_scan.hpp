#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "platform/linux/owned_fd.hpp"

namespace graphite {

/// One name of a folder, as getdents64 gives it.
struct raw_entry {
  std::uint32_t name_offset = 0;
  std::uint16_t name_bytes = 0;
  unsigned char type = 0;  ///< DT_REG …; never DT_UNKNOWN
};

/// The names of a folder, packed. Reused from folder to folder. One thread.
class folder_names {
 public:
  /// Replaces the content by what is in `folder` (open for reading), without `.` and `..`.
  /// 0 or errno. Entries that vanish meanwhile are left out.
  int read(int folder);
  const std::vector<raw_entry>& entries() const { return entries_; }
  std::string_view name(const raw_entry& e) const {
    return std::string_view(names_).substr(e.name_offset, e.name_bytes);
  }
  /// The same, ended by NUL.
  const char* c_name(const raw_entry& e) const { return names_.c_str() + e.name_offset; }

 private:
  void take(int folder, const char* name, unsigned char type);

  std::vector<raw_entry> entries_;
  std::string names_;
  std::vector<char> buffer_;
};

}  // namespace graphite
