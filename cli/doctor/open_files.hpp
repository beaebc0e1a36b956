#pragma once

#include <functional>
#include <string>

namespace graphite::doctor {

/// One open file of a process.
struct seen_file {
  int process = 0;
  std::string program{};  ///< its first 15 characters
  std::string what{};     ///< as /proc/N/fd shows it: a path, "socket:[123]", "anon_inode:inotify"
  std::string details{};  ///< the file of /proc/N/fdinfo about it
};

/// All open files of processes whose files this one may see.
void for_each_open_file(const std::function<void(const seen_file&)>& visit);

}  // namespace graphite::doctor
