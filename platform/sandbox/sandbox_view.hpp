#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/sandbox.hpp"

namespace graphite {

/// One thing that a tool in a sandbox sees.
struct view_part {
  enum class kind {
    read,       ///< a file or folder that it may read and run
    write,      ///< … and write
    device,     ///< a device file
    memory,     ///< an empty folder that is gone with the sandbox
    link,       ///< a symbolic link; `from` is its text
    processes,  ///< /proc of its own processes
    folder      ///< an empty one
  };
  kind what = kind::read;
  std::string from;  ///< absolute, outside; empty where nothing is outside
  std::string to;    ///< absolute, as the tool sees it
  bool operator==(const view_part&) const = default;
};

/// All of it, in the order in which it is put together: a later part may lie on an earlier one.
using sandbox_view = std::vector<view_part>;

/// What every tool sees of this machine: programs and libraries, the parts of /etc that say how this machine
/// is set up and to nobody's secrets, five devices, /proc, an own /dev/shm. Looks at the disk, once.
sandbox_view system_view();

/// Whether `path`, as it is outside, is at or below something of `view` that can be read.
bool shows(const sandbox_view& view, std::string_view path);

/// Folders that a tool's own folder must not contain, or lie in, to be shown as a whole.
struct hidden_folders {
  std::vector<std::string> projects;  ///< sources and state: of what lies in them only the file itself
  std::string home;                   ///< of what lies in it only a folder named bin; empty: none
};

/// What a tool's file adds to `view`: nothing where it is shown already; its folder, of `PREFIX/bin` the
/// prefix; only the file where that would show something of `hidden`, or a folder that everybody uses. Pure.
/// `real`: `file` without links.
sandbox_view tool_view(const sandbox_view& view, const std::string& file, const std::string& real,
                       const hidden_folders& hidden);

/// As bubblewrap and graphite-sandbox take it.
std::vector<std::string> to_arguments(std::span<const view_part> view);

}  // namespace graphite
