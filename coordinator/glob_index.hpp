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
/// Pure. A glob is filed under the text that every match of it begins with; a look-up tries only the globs
/// filed under the path's own beginnings, and only lengths that occur. Numbers are the caller's.
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
  std::map<std::size_t, std::unordered_map<std::string, std::vector<entry>>> by_prefix_;  ///< by its length
  mutable std::uint64_t tried_ = 0;
};

}  // namespace graphite
