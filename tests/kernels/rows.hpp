#pragma once

#include <cstring>
#include <random>
#include <vector>

namespace graphite::test {

using row = std::vector<float>;

/// Values of all kinds, with some that are outside 0 … 1.
inline row some_row(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  row out(count);
  for (auto& value : out) value = static_cast<float>(random() % 100'003) / 90'001.0f - 0.05f;
  return out;
}

inline bool same_bits(const row& a, const row& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

}  // namespace graphite::test
