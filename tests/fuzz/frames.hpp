#pragma once

#include <algorithm>
#include <vector>

#include "core/digest.hpp"

namespace graphite::fuzz {

/// Frames that stand each after its length in two bytes, `frames_max` at most.
inline std::vector<byte_vector> frames_of(byte_span bytes, std::size_t frames_max) {
  std::vector<byte_vector> out;
  while (bytes.size() >= 2 && out.size() < frames_max) {
    const auto length = std::min<std::size_t>(
        static_cast<std::size_t>(bytes[0]) | static_cast<std::size_t>(bytes[1]) << 8, bytes.size() - 2);
    out.emplace_back(bytes.begin() + 2, bytes.begin() + 2 + static_cast<std::ptrdiff_t>(length));
    bytes = bytes.subspan(2 + length);
  }
  return out;
}

}  // namespace graphite::fuzz
