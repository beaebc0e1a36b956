#pragma once

#include <string>
#include <string_view>

namespace graphite::doctor {

/// What a path lies on.
struct mounted {
  std::string folder{};  ///< where it is mounted
  std::string type{};    ///< "ext4", "fuse.sshfs"
};

/// Of an absolute path without links, by the text of /proc/self/mountinfo; empty where nothing fits. The
/// longest mount point counts, of several on one the last. Lines that make no sense are passed over. Pure.
mounted mount_of(std::string_view mountinfo, std::string_view path);

}  // namespace graphite::doctor
