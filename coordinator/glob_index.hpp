#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/glob.hpp"

namespace graphite {

/// Which of many groups of globs match a path, without trying all of them.
///
/// Pure. A glob is filed under the text that every match of it begins with, and the file name where all
/// matches have the same; a look-up tries only the globs filed under the path's own beginnings and name, and
/// only lengths that occur. Numbers are the caller's.
class glob_index {
 public:
  void add(std::uint32_t group, const std::vector<glob>& globs);
  /// Groups with a glob that matches, ascending, each once.
  std::vector<std::uint32_t> matching(std::string_view path) const;
  /// Globs tried by the last look-ups, for tests of cost.
  std::uint64_t tried() const { return tried_; }

 private:
  struct entry {
    std::uint32_t group;
    glob pattern;
  };
  /// By the beginning, a NUL, and the file name or nothing.
  using filed = std::unordered_map<std::string, std::vector<entry>>;
  void try_all(const filed& in, const std::string& under, std::string_view path,
               std::vector<std::uint32_t>& out) const;

  std::map<std::size_t, filed> by_prefix_;  ///< by its length
  mutable std::uint64_t tried_ = 0;
};

}  // namespace graphite
