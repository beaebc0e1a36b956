#pragma once

#include <cstdint>
#include <vector>

#include "core/digest.hpp"

namespace graphite {

/// From digests to numbers, each digest once.
///
/// Pure. Open addressing, linear probing, deletion by shifting back (Knuth, TAOCP 3, 6.4, algorithm R): no
/// memory is asked for but when it grows. Digests are taken to be spread evenly, as SHA-256 values are.
class digest_index {
 public:
  static constexpr std::uint32_t none = 0xffffffffu;

  /// `none` where it is not in it. O(1).
  std::uint32_t find(const digest& key) const;
  /// `key` is not in it.
  void insert(const digest& key, std::uint32_t value);
  /// False where it is not in it.
  bool erase(const digest& key);
  std::size_t size() const { return size_; }

 private:
  struct entry {
    digest key;
    std::uint32_t value = none;
  };
  std::size_t home(const digest& key) const { return std::hash<digest>{}(key) & (entries_.size() - 1); }
  std::size_t place(const digest& key) const;
  void grow();

  std::vector<entry> entries_;
  std::size_t size_ = 0;
};

}  // namespace graphite
