#pragma once

#include <algorithm>
#include <cstdint>
#include <unordered_set>
#include <vector>

#include "core/digest.hpp"

namespace graphite {

/// The contents that a collection is to keep. 8 bytes each: the first of the digest, so that one in 2^64 is
/// kept without need and none is removed in error. Not thread-safe.
class live_set {
 public:
  /// Cheapest before the first question.
  void mark(const digest& content) {
    if (sorted_)
      late_.insert(prefix(content));
    else
      marked_.push_back(prefix(content));
  }
  /// True of everything marked. O(log marked); the first question sorts.
  bool contains(const digest& content) {
    sort();
    return std::binary_search(marked_.begin(), marked_.end(), prefix(content)) ||
           late_.contains(prefix(content));
  }

 private:
  static std::uint64_t prefix(const digest& content) { return std::hash<digest>{}(content); }
  void sort() {
    if (sorted_) return;
    std::sort(marked_.begin(), marked_.end());
    marked_.erase(std::unique(marked_.begin(), marked_.end()), marked_.end());
    sorted_ = true;
  }
  std::vector<std::uint64_t> marked_;
  std::unordered_set<std::uint64_t> late_;  ///< marked after the first question
  bool sorted_ = false;
};

}  // namespace graphite
