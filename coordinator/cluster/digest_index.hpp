#pragma once

#include <cstdint>
#include <vector>

#include "core/digest.hpp"

namespace graphite {

/// From digests to the numbers of records that have them, each digest once.
///
/// It keeps the first eight bytes of each; the records tell the rest, so that it is small where the records
/// are many. Pure. Open addressing, linear probing, deletion by shifting back (Knuth, TAOCP 3, 6.4, algorithm
/// R): no memory is asked for but when it grows. Digests are taken to be spread evenly, as SHA-256 values
/// are.
class digest_index {
 public:
  static constexpr std::uint32_t none = 0xffffffffu;

  /// `none` where it is not in it. `is(number)`: whether that record has the digest. O(1).
  template <class Is>
  std::uint32_t find(const digest& key, const Is& is) const {
    if (entries_.empty()) return none;
    const auto start = start_of(key);
    for (auto at = home(start); entries_[at].value != none; at = next(at))
      if (entries_[at].start == start && is(entries_[at].value)) return entries_[at].value;
    return none;
  }
  /// `key` is not in it.
  void insert(const digest& key, std::uint32_t value);
  /// False where it is not in it under this number.
  bool erase(const digest& key, std::uint32_t value);
  std::size_t size() const { return size_; }

 private:
  struct entry {
    std::uint64_t start = 0;
    std::uint32_t value = none;
  };
  static std::uint64_t start_of(const digest& key) { return std::hash<digest>{}(key); }
  std::size_t home(std::uint64_t start) const { return start & (entries_.size() - 1); }
  std::size_t next(std::size_t at) const { return (at + 1) & (entries_.size() - 1); }
  void put(const entry& what);

  std::vector<entry> entries_;
  std::size_t size_ = 0;
};

}  // namespace graphite
