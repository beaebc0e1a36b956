#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace graphite {

struct usage_limits {
  std::uint64_t disk_bytes_max = 0;  ///< of all files in `folders` together; zero: no limit
  std::uint64_t memory_bytes_max =
      0;  ///< of all processes together, private and shared memory; zero: no limit
  std::size_t entries_max = 262'144;  ///< of the folders: more is too much, too
};

/// What a process and its descendants use together, which no rlimit bounds. Looked at, not enforced by the
/// kernel: what is used between two looks is over the limit for that long.
class usage_meter {
 public:
  usage_meter(usage_limits limits, std::vector<std::string> folders)
      : limits_(limits), folders_(std::move(folders)) {}

  /// What is too much, for people; empty: nothing. Follows no link. Milliseconds where there are many files.
  std::string look(pid_t process) const;

 private:
  std::string look_at_folders() const;
  std::string look_at_memory(pid_t process) const;

  usage_limits limits_;
  std::vector<std::string> folders_;
};

/// Resident memory of `process` and all its descendants that can be seen, in bytes.
std::uint64_t memory_of_tree(pid_t process);

}  // namespace graphite
