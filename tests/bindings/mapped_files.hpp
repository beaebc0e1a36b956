#pragma once

#include <fstream>
#include <string>

namespace graphite::test {

/// Mappings of this process whose line has `text`; empty: all of them.
inline std::size_t mappings_with(const std::string& text) {
  std::ifstream in("/proc/self/maps");
  std::size_t count = 0;
  for (std::string line; std::getline(in, line);)
    if (line.find(text) != std::string::npos) ++count;
  return count;
}

}  // namespace graphite::test
